#pragma once

// Fixture for tests of batches: three simulated nodes, a store on each of their ranks, and the cost of a
// batch.

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "core/store.hpp"
#include "core/value/options.hpp"
#include "tests/core/paired_nodes.hpp"
#include "tests/core/rank_stores.hpp"

namespace locum::tests {

using namespace std::chrono_literals;

/// Traffic in the simulated network.
struct Price {
  std::uint64_t messages = 0;
  std::uint64_t transfers = 0;

  friend bool operator==(const Price&, const Price&) = default;
  friend std::ostream& operator<<(std::ostream& out, const Price& price) {
    return out << price.messages << " messages, " << price.transfers << " transfers";
  }
};

/// The error code of each result of a batch; 0: success.
template <class V>
[[nodiscard]] std::vector<Errc> codes_of(const std::vector<Result<V>>& results) {
  std::vector<Errc> codes;
  for (const auto& result : results) {
    codes.push_back(result ? Errc{} : result.error().code());
  }
  return codes;
}

/// Three nodes of two ranks. Rank 0 sends the requests.
class BatchNodes : public PairedNodes {
 protected:
  BatchNodes() : PairedNodes(pairs(3)) {
    world_.network().run_for(1s);
    at_first_ = levels();
  }

  [[nodiscard]] Store& requester() { return stores_[0]; }
  [[nodiscard]] Store& of(int rank) { return stores_[rank]; }
  [[nodiscard]] Key put(int rank, double value, std::size_t count = 1) {
    return of(rank).put(std::vector<double>(count, value)).value();
  }
  [[nodiscard]] std::vector<Key> put_some(int rank, std::size_t number, std::size_t count = 1) {
    std::vector<Key> keys;
    for (std::size_t at = 0; at < number; ++at) {
      keys.push_back(put(rank, static_cast<double>(at), count));
    }
    return keys;
  }
  void expect_in_order(const std::vector<Result<View<double[]>>>& found, std::size_t number) {
    ASSERT_EQ(found.size(), number);
    for (std::size_t at = 0; at < number; ++at) {
      ASSERT_TRUE(found[at]) << at << ": " << found[at].error();
      EXPECT_EQ((**found[at])[0], static_cast<double>(at));
    }
  }
  /// Names whose home is that node.
  [[nodiscard]] std::vector<std::string> names(int home, std::size_t number,
                                               const std::string& stem = "name ") {
    std::vector<std::string> made;
    for (std::size_t at = 0; at < number; ++at) {
      made.push_back(world_.name_at(home, requester().number(), stem + std::to_string(at) + "."));
    }
    return made;
  }
  /// Begins it at rank 0, and lets that much time pass.
  template <class Act>
  void begin(Act act, std::chrono::nanoseconds time) {
    over_ = false;
    world_.network().start([this, act] {
      act();
      over_ = true;
    });
    world_.network().run_for(time);
  }
  /// Waits until all that was begun has ended.
  [[nodiscard]] bool ends_within(std::chrono::nanoseconds time) {
    return world_.network().run_until([this] { return over_; }, world_.network().now() + time);
  }
  template <class Act>
  [[nodiscard]] Price price_of(Act act) {
    const std::uint64_t before = world_.network().counters().transfers;
    const std::uint64_t messages = world_.messages_of(act);
    return {messages, world_.network().counters().transfers - before};
  }
  [[nodiscard]] Price price_of_batch(const std::vector<Key>& keys) {
    return price_of([&] { expect_in_order(requester().get_batch<double[]>(keys), keys.size()); });
  }
  void expect_nothing_left(const std::vector<Key>& keys) {
    for (const Key& key : keys) {
      EXPECT_TRUE(requester().evict(key).value());
    }
    world_.network().run_for(20s);
    EXPECT_EQ(levels(), at_first_);
  }

  std::vector<PlainNode::Levels> at_first_;
  bool over_ = false;
  RankStores stores_{world_};
};

}  // namespace locum::tests
