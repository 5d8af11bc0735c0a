#include <gtest/gtest.h>
#include <malloc.h>

#include <cstddef>
#include <cstdio>

#include "core/value/options.hpp"
#include "tests/core/sanitized.hpp"
#include "tests/core/simulated_nodes.hpp"

// What a rank keeps of the others, before it has sent anything to them: it grows with their number, slowly.
namespace locum::tests::rank_memory_test {
namespace {

/// Heap bytes of one rank among so many, each a node of its own: all that the protocols between nodes keep,
/// and the simulated node and network beneath, which are the same for each rank.
std::size_t bytes_of_a_rank(int ranks) {
  const std::size_t before = ::mallinfo2().uordblks + ::mallinfo2().hblkhd;
  const SimulatedNodes world{{.nodes = {.nodes = ranks, .memory_bytes = 1_MiB}}};
  return (::mallinfo2().uordblks + ::mallinfo2().hblkhd - before) / static_cast<std::size_t>(ranks);
}

TEST(RankMemory, GrowsByAFewHundredBytesForEachOtherRank) {
  if (sanitized) {
    GTEST_SKIP() << "the allocator of a sanitizer tells nothing of this";
  }
  const std::size_t few = bytes_of_a_rank(64);
  const std::size_t many = bytes_of_a_rank(512);
  std::printf("%zu bytes among 64 ranks, %zu among 512\n", few, many);
  EXPECT_LT((many - few) / (512 - 64), 400U);
}

}  // namespace
}  // namespace locum::tests::rank_memory_test
