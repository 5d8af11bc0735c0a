#include "bench/scaling/partners.hpp"

#include <algorithm>

namespace scaling {

Partners::Partners(const std::vector<int>& node_of, Partner partner) {
  const int nodes = node_of.empty() ? 0 : *std::max_element(node_of.begin(), node_of.end()) + 1;
  std::vector<std::vector<int>> ranks_of(static_cast<std::size_t>(nodes));
  for (std::size_t rank = 0; rank < node_of.size(); ++rank) {
    auto& there = ranks_of[static_cast<std::size_t>(node_of[rank])];
    place_of_.push_back(static_cast<int>(there.size()));
    there.push_back(static_cast<int>(rank));
  }
  for (std::size_t rank = 0; rank < node_of.size(); ++rank) {
    const auto node = static_cast<std::size_t>(node_of[rank]);
    const bool leaves = partner == Partner::other_node && ranks_of.size() > 1;
    const auto& there = ranks_of[leaves ? (node + 1) % ranks_of.size() : node];
    const auto place = static_cast<std::size_t>(place_of_[rank]);
    owner_of_.push_back(there[(place + (leaves ? 0 : 1)) % there.size()]);
  }
}

std::vector<int> Partners::readers_of(int owner) const {
  std::vector<int> readers;
  for (std::size_t rank = 0; rank < owner_of_.size(); ++rank) {
    if (owner_of_[rank] == owner) {
      readers.push_back(static_cast<int>(rank));
    }
  }
  return readers;
}

}  // namespace scaling
