#pragma once

#include <cstddef>
#include <vector>

namespace scaling {

/// Who reads from whom, the same on all ranks.
enum class Partner {
  on_node,     ///< the next rank of the own node; of a node of one rank, the rank itself
  other_node,  ///< the rank at the same place of the next node; of one node, as on_node
};

/// Which rank each rank reads from. `node_of`: the node of each rank.
class Partners {
 public:
  Partners(const std::vector<int>& node_of, Partner partner);

  /// The rank that this rank reads from.
  [[nodiscard]] int owner_for(int reader) const { return owner_of_[static_cast<std::size_t>(reader)]; }
  /// Where a rank is among those of its node.
  [[nodiscard]] int place_on_node(int rank) const { return place_of_[static_cast<std::size_t>(rank)]; }
  /// The ranks that read from this rank, ascending.
  [[nodiscard]] std::vector<int> readers_of(int owner) const;

 private:
  std::vector<int> owner_of_;
  std::vector<int> place_of_;
};

}  // namespace scaling
