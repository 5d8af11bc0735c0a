// A runtime that is closed while an object is in transfer.
#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>

#include "mpi/runtime/runtime.hpp"
#include "tests/mpi/environment.hpp"
#include "tests/mpi/job.hpp"

namespace locum {
namespace {

using namespace std::chrono_literals;

// Three runtimes, each closed while a large object of rank 0 is in transfer to that rank, whose call has
// given up.
void close_behind_a_get(int reader, const RuntimeOptions& options) {
  constexpr std::size_t elements = std::size_t{16} << 20U;
  for (int round = 0; round < 3; ++round) {
    Runtime runtime(MPI_COMM_WORLD, options);
    Store store = runtime.store("closing");
    Key key;
    if (job::rank() == 0) {
      auto writer = store.create<double>({elements}).value();
      writer.span().back() = 1.0;
      key = writer.seal().value();
    }
    MPI_Bcast(&key, sizeof key, MPI_BYTE, 0, MPI_COMM_WORLD);
    if (job::rank() == reader) {
      const auto got = store.get<double[]>(key, {.deadline = 2ms});
      EXPECT_TRUE(got || got.error().code() == Errc::timeout) << got.error();
    }
    job::barrier();
  }
}

// Waiting calls fail at once; the bytes arrive nevertheless, in memory that both sides still have.
TEST(Closing, LetsAnObjectArriveThatNobodyWaitsForAnyMore) {
  if (job::one_node()) {
    GTEST_SKIP() << "there is no other node to read from";
  }
  close_behind_a_get(job::size() - 1, {.memory_bytes = 512_MiB});  // of another node than rank 0
}

// The same with a one-sided read: no message shows its progress.
TEST(Closing, LeavesAReadBehindThatNobodyWaitsForAnyMore) {
  if (job::one_node() || job::node_of(job::last()) != job::last()) {
    GTEST_SKIP() << "there is no other node to read from, or its ranks share copies";
  }
  if (job::over_mpi()) {
    GTEST_SKIP() << "the transport is mpi";
  }
  // With their default protocols UCX 1.16 and later implement such reads by messages.
  const Environment older_protocols("UCX_PROTO_ENABLE", "n");
  close_behind_a_get(job::last(), {.memory_bytes = 512_MiB, .one_sided = OneSided::ucx_memory});
}

}  // namespace
}  // namespace locum
