#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <vector>

#include "core/store.hpp"
#include "tests/core/code_of.hpp"
#include "tests/core/paired_nodes.hpp"
#include "tests/core/rank_stores.hpp"

namespace locum::tests {

/// Two nodes of two ranks, with a latency of a millisecond. Rank 0 makes objects, rank 2 requests them.
class FutureNodes : public PairedNodes {
 protected:
  static constexpr std::size_t count = 10'000;  // elements of an object

  FutureNodes() : PairedNodes(pairs(2, {.window_bytes = 5 * count * sizeof(double)})) {}

  [[nodiscard]] Key put(double value) { return maker_.put(std::vector<double>(count, value)).value(); }
  [[nodiscard]] std::vector<Key> put_some(int number) {
    std::vector<Key> keys;
    for (int i = 0; i < number; ++i) {
      keys.push_back(put(i));
    }
    return keys;
  }
  void expect_nothing_left(const std::vector<Key>& keys) {
    for (const Key& key : keys) {
      if (!mortal_.is_gone(0)) {
        EXPECT_TRUE(maker_.evict(key).value());
      }
    }
    world_.network().run_for(std::chrono::seconds(20));
    expect_only_the_registry();
  }
  // Only the names of stores, which their home keeps.
  void expect_only_the_registry() { EXPECT_EQ(levels(1), at_first_); }

  RankStores stores_{world_, {0, 2}};
  Session* const made_ = &stores_.session(0);
  Session* const read_ = &stores_.session(2);
  Store& maker_ = stores_[0];
  Store& reader_ = stores_[2];
  const PlainNode::Levels at_first_ = [this] {
    world_.network().run_for(std::chrono::seconds(1));
    return levels(1);
  }();
};

}  // namespace locum::tests
