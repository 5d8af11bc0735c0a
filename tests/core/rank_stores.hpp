#pragma once

#include <map>
#include <memory>
#include <numeric>
#include <utility>
#include <vector>

#include "core/session.hpp"
#include "core/store.hpp"
#include "tests/core/simulated_nodes.hpp"

namespace locum::tests {

[[nodiscard]] inline std::shared_ptr<Session> session_of(const LinkedRank& rank, int number,
                                                         std::shared_ptr<CompletionCounter> completions) {
  return std::make_shared<Session>(rank.connector, rank.metrics,
                                   SessionOptions{.incarnation = 42, .rank = number}, std::move(completions));
}

/// The same store on ranks of simulated nodes, each in its own session, which this closes.
class RankStores {
 public:
  RankStores(SimulatedNodes& world, const std::vector<int>& ranks) {
    for (const int rank : ranks) {
      auto session = session_of(world.rank(rank), rank, world.completions(rank));
      Store store = session->open("fields").value();
      ranks_.emplace(rank, Member{std::move(session), std::move(store)});
    }
  }
  /// On all ranks.
  explicit RankStores(SimulatedNodes& world) : RankStores(world, all_of(world)) {}
  RankStores(const RankStores&) = delete;
  RankStores& operator=(const RankStores&) = delete;
  ~RankStores() { close(); }

  [[nodiscard]] Store& operator[](int rank) { return ranks_.at(rank).store; }
  [[nodiscard]] Session& session(int rank) { return *ranks_.at(rank).session; }
  /// Closes all sessions: for tests that need that before this object ends.
  void close() {
    for (const auto& [rank, member] : ranks_) {
      member.session->close();
    }
  }

 private:
  struct Member {
    std::shared_ptr<Session> session;
    Store store;
  };
  [[nodiscard]] static std::vector<int> all_of(const SimulatedNodes& world) {
    std::vector<int> all(static_cast<std::size_t>(world.size()));
    std::iota(all.begin(), all.end(), 0);
    return all;
  }

  std::map<int, Member> ranks_;
};

}  // namespace locum::tests
