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

// Another rank ends its step only when this one waits for it in close(), and has a thread that needs
// messages.
TEST(OnlyInCalls, AWriterThatClosesServesTheOthers) {
  Runtime runtime(MPI_COMM_WORLD, {.memory_bytes = 64_MiB});
  const bool writes = job::rank() < job::last();
  MPI_Comm group = MPI_COMM_NULL;
  MPI_Comm_split(MPI_COMM_WORLD, writes ? 1 : 0, 0, &group);
  constexpr int steps = 3;
  if (writes) {
    StepWriter out(runtime, "stream", group, {.rendezvous_readers = 1});
    for (int number = 0; number < steps; ++number) {
      auto step = out.begin();
      ASSERT_TRUE(step) << step.error().what();
      ASSERT_TRUE(step->put(of_rank("x", job::rank()), number));
      if (number + 1 == steps && job::rank() != 0) {
        int closes = 0;
        MPI_Recv(&closes, 1, MPI_INT, 0, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
      }
      const auto ended = step->end();
      ASSERT_TRUE(ended) << ended.error().what();
    }
    for (int other = 1; job::rank() == 0 && other < job::last(); ++other) {
      MPI_Send(&steps, 1, MPI_INT, other, 0, MPI_COMM_WORLD);
    }
    const auto closed = out.close();
    ASSERT_TRUE(closed) << closed.error().what();
  } else {
    StepReader in(runtime, "stream", group);
    int seen = 0;
    while (const auto step = in.next(30s)) {
      const auto read = step->get<int>("x0");
      ASSERT_TRUE(read) << read.error().what();
      ++seen;
    }
    EXPECT_EQ(seen, steps);
  }
  MPI_Comm_free(&group);
  runtime.close(60s);
}

TEST(OnlyInCalls, AWriterThatOpensServesTheOthers) {
  Runtime runtime(MPI_COMM_WORLD, {.memory_bytes = 64_MiB});
  Store store = runtime.store("driven");
  Key of_last = store.put(job::rank()).value();
  (void)runtime.report_all();  // nobody has to be served before that any more
  MPI_Bcast(&of_last, sizeof of_last, MPI_BYTE, job::last(), MPI_COMM_WORLD);
  if (job::rank() == 0) {  // the others are in step_side() by now, or will be
    const auto got = store.get<int>(of_last);
    ASSERT_TRUE(got) << got.error().what();
  }
  (void)runtime.step_side(MPI_COMM_WORLD);
  runtime.close(60s);
}

TEST(OnlyInCalls, WhoWaitsForRoomServesTheOthers) {
  Runtime runtime(MPI_COMM_WORLD, {.memory_bytes = 64_MiB});
  Store store = runtime.store("full");
  const std::vector<double> half(std::size_t{5} << 20U);  // 40 MiB
  Key first;
  if (job::rank() == 0) {
    first = store.put(half).value();
  }
  (void)runtime.report_all();  // nobody has to be served before that any more
  MPI_Bcast(&first, sizeof first, MPI_BYTE, 0, MPI_COMM_WORLD);
  if (job::rank() == 0) {
    const auto second = store.put(half, {.when_full = WhenFull::wait, .deadline = 30s});
    EXPECT_TRUE(second) << second.error().what();
  } else if (job::rank() == 1) {
    EXPECT_TRUE(store.evict(first, {.deadline = 30s}));
  }
  runtime.close(60s);
}

TEST(OnlyInCalls, ATimeoutSaysWhyNobodyReplied) {
  Runtime runtime(MPI_COMM_WORLD, {.memory_bytes = 64_MiB});
  Store store = runtime.store("silent");
  Key of_last = store.put(job::rank()).value();
  (void)runtime.report_all();  // nobody has to be served before that any more
  MPI_Bcast(&of_last, sizeof of_last, MPI_BYTE, job::last(), MPI_COMM_WORLD);
  if (job::rank() == 0) {
    const auto got = store.get<int>(of_last, {.deadline = 200ms});
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().code(), Errc::timeout);
    EXPECT_NE(got.error().text().find("MPI_THREAD_MULTIPLE"), std::string::npos) << got.error().what();
  }
  MPI_Barrier(MPI_COMM_WORLD);  // not in a call of the library
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
