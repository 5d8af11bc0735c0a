#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "core/ports/group.hpp"

/// Contract tests of the Group port. Each process of the group calls these with its own object, in the same
/// order.
namespace locum::contract {

inline std::size_t index_of(int rank) {
  return static_cast<std::size_t>(rank);
}

// Bytes that depend on rank, step and position.
inline std::vector<std::byte> bytes_of(int rank, int step, std::size_t size) {
  std::vector<std::byte> bytes(size);
  for (std::size_t i = 0; i < size; ++i) {
    bytes[i] = static_cast<std::byte>(index_of(rank) * 31 + index_of(step) * 7 + i);
  }
  return bytes;
}

inline void expect_nodes_in_order(const Group& group) {
  ASSERT_GE(group.rank(), 0);
  ASSERT_LT(group.rank(), group.size());
  ASSERT_EQ(group.node_of_rank().size(), index_of(group.size()));
  int next = 0;
  for (const int node : group.node_of_rank()) {
    EXPECT_GE(node, 0);
    EXPECT_LE(node, next) << "nodes are numbered by their lowest rank";
    next = std::max(next, node + 1);
  }
}

inline void expect_gathers(Group& group, int step, std::size_t size) {
  std::vector<std::byte> expected;
  for (int rank = 0; rank < group.size(); ++rank) {
    const std::vector<std::byte> part = bytes_of(rank, step, size);
    expected.insert(expected.end(), part.begin(), part.end());
  }
  EXPECT_EQ(group.all_gather(bytes_of(group.rank(), step, size)), expected) << size << " bytes each";
}

inline Error failure_of(int rank, std::size_t text_bytes) {
  return Error(Errc::out_of_memory, "rank " + std::to_string(rank) + std::string(text_bytes, 't'),
               "foreign text\n\"quoted\" ünïcode")
      .about("key of " + std::to_string(rank));
}

inline void expect_agreement(Group& group, const std::vector<bool>& fails, std::size_t text_bytes) {
  const int rank = group.rank();
  const std::optional<Error> mine =
      fails[index_of(rank)] ? std::optional(failure_of(rank, text_bytes)) : std::nullopt;
  const std::optional<Error> agreed = group.agree(mine);
  const auto lowest = std::find(fails.begin(), fails.end(), true);
  if (lowest == fails.end()) {
    EXPECT_FALSE(agreed.has_value()) << agreed->what();
    return;
  }
  const int failed = static_cast<int>(lowest - fails.begin());
  const Error expected = failure_of(failed, text_bytes).at_rank(failed);
  ASSERT_TRUE(agreed.has_value());
  EXPECT_STREQ(agreed->what(), expected.what());
  EXPECT_EQ(agreed->code(), expected.code());
  EXPECT_EQ(agreed->text(), expected.text());
  EXPECT_EQ(agreed->detail(), expected.detail());
  EXPECT_EQ(agreed->key(), expected.key());
  EXPECT_EQ(agreed->rank(), failed);
}

// Between two barriers all processes see the same number of steps of everybody.
inline void expect_barrier_keeps_step(Group& group, int steps) {
  for (int step = 0; step < steps; ++step) {
    group.barrier();
    expect_gathers(group, step, sizeof(int));
  }
}

inline void expect_group_contract(Group& group, std::uint32_t seed = 1) {
  expect_nodes_in_order(group);
  for (const std::size_t size : {0U, 1U, 4095U, 4096U, 4097U, 300'000U}) {
    expect_gathers(group, 0, size);
  }
  expect_barrier_keeps_step(group, 20);

  const std::vector<bool> nobody(index_of(group.size()), false);
  expect_agreement(group, nobody, 0);
  expect_agreement(group, std::vector<bool>(index_of(group.size()), true), 0);
  for (int failed = 0; failed < group.size(); ++failed) {
    std::vector<bool> fails = nobody;
    fails[index_of(failed)] = true;
    expect_agreement(group, fails, 0);
    expect_agreement(group, fails, 5000);
  }

  // The same random steps on all ranks; the expected results follow from rank and step alone.
  std::mt19937 random(seed);
  for (int step = 0; step < 100; ++step) {
    SCOPED_TRACE("seed " + std::to_string(seed) + ", step " + std::to_string(step));
    switch (random() % 3) {
      case 0:
        group.barrier();
        break;
      case 1:
        expect_gathers(group, step, random() % 2000);
        break;
      case 2: {
        std::vector<bool> fails(index_of(group.size()));
        for (std::size_t rank = 0; rank < fails.size(); ++rank) {
          fails[rank] = random() % 3 == 0;
        }
        expect_agreement(group, fails, random() % 300);
        break;
      }
    }
  }
}

}  // namespace locum::contract
