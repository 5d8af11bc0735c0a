#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <utility>
#include <vector>

#include "core/store.hpp"
#include "tests/core/code_of.hpp"
#include "tests/core/mortal_nodes.hpp"
#include "tests/core/simulated_nodes.hpp"

namespace locum::tests {

[[nodiscard]] inline std::shared_ptr<Session> session_of(const LinkedRank& rank, int number,
                                                         std::shared_ptr<Arrivals> arrivals) {
  return std::make_shared<Session>(rank.connector, rank.metrics,
                                   SessionOptions{.incarnation = 42, .rank = number}, std::move(arrivals));
}

/// Two nodes of two ranks, a millisecond apart. Rank 0 makes objects, rank 2 asks for them.
class FutureNodes : public ::testing::Test {
 protected:
  static constexpr std::size_t count = 10'000;  // elements of an object

  ~FutureNodes() override {
    for (const auto& session : {made_, read_}) {
      session->close();
    }
  }

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
    expect_only_the_registry(2);
  }
  // Of the names of stores, which the home keeps.
  void expect_only_the_registry(int rank) {
    for (const int mate : {rank, rank + 1}) {
      if (!mortal_.is_gone(mate)) {
        (void)world_.connector(mate).usage();
      }
    }
    EXPECT_EQ(world_.rank(rank).node->levels(), at_first_);
  }

  MortalNodes mortal_{{.nodes = {.nodes = 2, .ranks_per_node = 2, .window_bytes = 5 * count * sizeof(double)},
                       .network = {.latency = {std::chrono::milliseconds(1), std::chrono::milliseconds(1)}}}};
  SimulatedNodes& world_ = mortal_.world();
  std::shared_ptr<Session> made_ = session_of(world_.rank(0), 0, world_.arrivals(0));
  std::shared_ptr<Session> read_ = session_of(world_.rank(2), 2, world_.arrivals(2));
  Store maker_ = made_->open("fields").value();
  Store reader_ = read_->open("fields").value();
  const PlainNode::Levels at_first_ = [this] {
    world_.network().run_for(std::chrono::seconds(1));
    return world_.rank(2).node->levels();
  }();
};

}  // namespace locum::tests
