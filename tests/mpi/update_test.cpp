// Ranks that change one value at the same time.
#include <gtest/gtest.h>
#include <mpi.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <numeric>
#include <vector>

#include "mpi/runtime/runtime.hpp"
#include "tests/core/sanitized.hpp"

namespace locum {
namespace {

using namespace std::chrono_literals;
using namespace locum::literals;

TEST(UpdateOfRanks, GivesEachTicketOnce) {
  Runtime runtime(MPI_COMM_WORLD, {.memory_bytes = 64_MiB});
  const Store store = runtime.store("tickets");
  const int each = tests::sanitized ? 10 : 50;
  std::vector<std::int64_t> mine;
  for (int turn = 0; turn < each; ++turn) {
    mine.push_back(store.fetch_add("next", 1, {.deadline = 60s}).value());
  }
  std::vector<std::int64_t> all(mine.size() * static_cast<std::size_t>(runtime.size()));
  MPI_Allgather(mine.data(), each, MPI_INT64_T, all.data(), each, MPI_INT64_T, MPI_COMM_WORLD);
  std::ranges::sort(all);
  std::vector<std::int64_t> expected(all.size());
  std::iota(expected.begin(), expected.end(), 0);
  EXPECT_EQ(all, expected);
}

}  // namespace
}  // namespace locum
