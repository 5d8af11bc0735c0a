#include "tests/core/mortal_nodes.hpp"

#include <algorithm>
#include <numeric>

#include "tests/core/fences.hpp"

namespace locum::tests {

void MortalNodes::kill(int rank) {
  mark_dead(rank);
  network().kill(rank);
}

void MortalNodes::kill_node(int node) {
  for (const int rank : ranks_of(node)) {
    kill(rank);
  }
}

void MortalNodes::close(int rank) {
  closed_.at(static_cast<std::size_t>(rank)) = true;
  network().start([links = world_.rank(rank).links] { links->close(); });
}

void MortalNodes::close_now(int rank) {
  closed_.at(static_cast<std::size_t>(rank)) = true;
  world_.rank(rank).links->close();
}

bool MortalNodes::has_dead_rank(int node) const {
  return std::ranges::any_of(ranks_of(node), [this](int rank) { return is_dead(rank); });
}

bool MortalNodes::has_closed_node() const {
  for (int node = 0; node < nodes(); ++node) {
    if (std::ranges::all_of(ranks_of(node), [this](int rank) { return is_closed(rank); })) {
      return true;
    }
  }
  return false;
}

void MortalNodes::mark_dead(int rank) {
  if (is_dead(rank)) {
    return;
  }
  dead_.at(static_cast<std::size_t>(rank)) = true;
  world_.rank(rank).node->die(static_cast<std::uint32_t>(rank));
  network().after(adoption, [this, rank] { adopt(rank); });
}

void MortalNodes::mark_killed_ranks() {
  for (int rank = 0; rank < world_.size(); ++rank) {
    if (!network().alive(rank)) {
      mark_dead(rank);
    }
  }
}

// If no rank is left to adopt, the node's memory has gone with its ranks.
void MortalNodes::adopt(int rank) {
  if (const auto node_peers = survivors_of(world_.node_of(rank)); !node_peers.empty()) {
    world_.rank(rank).node->adopt(static_cast<std::uint32_t>(rank),
                                  static_cast<std::uint32_t>(node_peers[0]));
    world_.rank(node_peers[0]).links->settle_dead_binds();
  }
}

std::vector<int> MortalNodes::ranks_of(int node) const {
  const int size = world_.size() / nodes();
  std::vector<int> ranks(static_cast<std::size_t>(size));
  std::iota(ranks.begin(), ranks.end(), node * size);
  return ranks;
}

std::vector<int> MortalNodes::survivors_of(int node) const {
  std::vector<int> ranks = ranks_of(node);
  std::erase_if(ranks, [&](int rank) { return is_gone(rank); });
  return ranks;
}

std::vector<int> MortalNodes::survivors() const {
  std::vector<int> all;
  for (int node = 0; node < nodes(); ++node) {
    const auto ranks = survivors_of(node);
    all.insert(all.end(), ranks.begin(), ranks.end());
  }
  return all;
}

// That a dead node had to be given up is recorded for ever. No other node may be.
void MortalNodes::forget_fences() {
  for (int dead = 0; dead < nodes(); ++dead) {
    for (const int rank : is_dead_node(dead) ? survivors() : std::vector<int>()) {
      tests::forget_fence(*world_.rank(rank).process.directory, dead);
    }
  }
}

std::string MortalNodes::leftovers() {
  constexpr auto while_nobody_asks = std::chrono::seconds(20);
  std::string left;
  network().run_for(while_nobody_asks);  // silent ranks are detected by then
  const std::uint64_t sent = network().counters().sent.messages;
  network().run_for(while_nobody_asks);
  if (const std::uint64_t more = network().counters().sent.messages - sent; more != 0) {
    left += std::to_string(more) + " messages that nobody requested\n";
  }
  forget_fences();
  for (int rank = 0; rank < world_.size(); ++rank) {
    if (!is_dead(rank)) {
      (void)world_.connector(rank).usage();
    }
  }
  for (int node = 0; node < nodes(); ++node) {
    const auto ranks = survivors_of(node);
    const auto levels = ranks.empty() ? PlainNode::Levels{} : world_.rank(ranks[0]).node->levels();
    if (levels != PlainNode::Levels{}) {
      left += "node " + std::to_string(node) + " has " + std::to_string(levels.objects) + " objects, " +
              std::to_string(levels.pinned) + " of them pinned, " + std::to_string(levels.names) +
              " names, " + std::to_string(levels.used_bytes) + " bytes in use\n";
    }
  }
  return left;
}

}  // namespace locum::tests
