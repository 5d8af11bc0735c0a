// Copies of other nodes' objects, shared by the ranks of a node, over a real network and in real shared
// memory.
#include <gtest/gtest.h>
#include <mpi.h>

#include <chrono>
#include <vector>

#include "mpi/runtime/runtime.hpp"
#include "tests/mpi/job.hpp"

namespace locum {
namespace {

using namespace std::chrono_literals;

std::vector<double> values_of(int rank, std::size_t count) {
  return std::vector<double>(count, 1.5 + rank);
}

// Copies of one rank fill the memory of the node; puts of another rank find memory nevertheless.
TEST(CopiesOfRanks, MakeRoomForWhatAnyRankOfTheNodePuts) {
  if (job::one_node()) {
    GTEST_SKIP() << "there is no other node";
  }
  constexpr std::uint64_t memory = std::uint64_t{24} << 20U;
  constexpr std::size_t count = (std::size_t{1} << 20U) / sizeof(double);
  Runtime runtime(MPI_COMM_WORLD, {.memory_bytes = memory, .timeout = 60s, .collective_timeout = 60s});
  Store store = runtime.store("copies");
  std::vector<Key> own;
  for (int i = 0; i < 6; ++i) {
    own.push_back(store.put(values_of(job::rank(), count)).value());
  }
  // Each rank reads all objects of the others: more than a node has memory for.
  for (int maker = 0; maker < job::size(); ++maker) {
    for (const Key& key : own) {
      const Key theirs = job::from(maker, key);
      const auto view = store.get<double[]>(theirs);
      ASSERT_TRUE(view) << view.error();
      EXPECT_EQ(view->size(), count);
      EXPECT_EQ((*view)[count - 1], 1.5 + maker);
    }
  }
  job::barrier();
  for (int putter = 0; putter < job::size(); ++putter) {
    if (putter == job::rank()) {
      const auto more = store.put(values_of(100, 2 * count));
      EXPECT_TRUE(more) << more.error();
      if (more) {
        EXPECT_TRUE(store.evict(*more).value());
      }
    }
    job::barrier();
  }
  for (const Key& key : own) {
    EXPECT_TRUE(store.evict(key).value());
    job::barrier();
  }
  // All are gone, wherever there was a copy.
  for (int maker = 0; maker < job::size(); ++maker) {
    for (const Key& key : own) {
      const auto gone = store.get<double[]>(job::from(maker, key));
      EXPECT_FALSE(gone) << "found after its eviction";
    }
  }
}

}  // namespace
}  // namespace locum
