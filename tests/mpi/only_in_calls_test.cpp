// The transport over MPI where MPI was initialised without MPI_THREAD_MULTIPLE: a rank sends and serves only
// in calls of the library, by the thread that opened the runtime. The program is started on nodes of one
// rank.
#include <gtest/gtest.h>

#include <locum/locum.hpp>

#include <chrono>
#include <cstddef>
#include <string>
#include <thread>
#include <vector>

#include "tests/mpi/job.hpp"
#include "tests/mpi/shared_folder.hpp"

namespace locum {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t elements = std::size_t{1} << 17U;  // a megabyte

std::string of_rank(const char* what, int rank) {
  return what + std::to_string(rank);
}

TEST(OnlyInCalls, WhoWaitsServesTheOthers) {
  Runtime runtime(MPI_COMM_WORLD, {.memory_bytes = 64_MiB});
  ASSERT_EQ(runtime.nodes(), job::size());
  Store store = runtime.store("driven");
  const int rank = job::rank();
  ASSERT_TRUE(store.put(of_rank("large ", rank), std::vector<double>(elements, rank + 0.5)));
  ASSERT_TRUE(store.put(of_rank("here ", rank), rank));
  for (int other = 0; other < job::size(); ++other) {
    const auto here = store.wait<int>(of_rank("here ", other), 30s);
    ASSERT_TRUE(here) << here.error().what();
    EXPECT_EQ(**here, other);
  }
  // The last rank comes late: the others serve it from within close().
  for (int other = 0; rank == job::last() && other < job::size(); ++other) {
    const auto large = store.get<std::vector<double>>(of_rank("large ", other));
    ASSERT_TRUE(large) << large.error().what();
    EXPECT_EQ((*large)->size(), elements);
    EXPECT_EQ((*large)->back(), other + 0.5);
  }
  runtime.close(60s);
  EXPECT_TRUE(runtime.lost_ranks().empty());
}

// What another thread wants of other nodes waits for the thread that opened the runtime.
TEST(OnlyInCalls, OtherThreadsNeedTheFirstOne) {
  Runtime runtime(MPI_COMM_WORLD, {.memory_bytes = 64_MiB});
  Store store = runtime.store("threads");
  const Key mine = store.put(job::rank()).value();
  const int next = (job::rank() + 1) % job::size();
  ASSERT_TRUE(store.put(of_rank("key ", job::rank()), mine));
  const auto key = store.wait<Key>(of_rank("key ", next), 30s);
  ASSERT_TRUE(key) << key.error().what();
  bool own_is_right = false;
  bool other_is_right = false;
  std::thread other_thread([&] {
    const auto own = store.get<int>(mine);
    own_is_right = own && **own == job::rank();  // what lies on the node needs no MPI
    const auto other = store.get<int>(**key, {.deadline = 30s});
    other_is_right = other && **other == next;
    EXPECT_TRUE(store.put(of_rank("done ", job::rank()), 1));
  });
  for (int rank = 0; rank < job::size(); ++rank) {
    EXPECT_TRUE(store.wait<int>(of_rank("done ", rank), 60s));
  }
  other_thread.join();
  EXPECT_TRUE(own_is_right);
  EXPECT_TRUE(other_is_right);
  runtime.close(60s);
}

// The thread that opened the runtime waits for a promise of its own, which another one keeps.
TEST(OnlyInCalls, OtherThreadsKeepPromises) {
  Runtime runtime(MPI_COMM_WORLD, {.memory_bytes = 64_MiB});
  const Store store = runtime.store("promised");
  for (int round = 0; round < 10; ++round) {
    auto promise = store.promise<int>().value();
    const auto coming = promise.proxy().get_async(30s);
    std::thread other([&] { EXPECT_TRUE(promise.set(round)); });
    const auto came = coming.get(30s);
    other.join();
    ASSERT_TRUE(came) << came.error().what();
    EXPECT_EQ(**came, round);
  }
  runtime.close(60s);
}

// Its thread needs messages, which only close() moves.
TEST(OnlyInCalls, CloseWaitsForACheckpointInTheBackground) {
  const job::SharedFolder folder;
  Runtime runtime(MPI_COMM_WORLD, {.memory_bytes = 64_MiB});
  Store store = runtime.store("driven");
  ASSERT_TRUE(store.put(std::vector<double>(elements, job::rank())));
  const auto written = runtime.checkpoint_async("driven", folder / "step1.h5");
  if (written.ready() && !written.get() && written.get().error().code() == Errc::unsupported) {
    GTEST_SKIP() << "without HDF5";
  }
  runtime.close(60s);
  const auto end = written.get(0s);
  ASSERT_TRUE(end) << end.error().what();
  EXPECT_EQ(end->objects, static_cast<std::uint64_t>(job::size()));
}

}  // namespace
}  // namespace locum
