// What a program keeps of a runtime beyond its end, and beyond MPI_Finalize.
#include <gtest/gtest.h>
#include <mpi.h>

#include <locum/locum.hpp>

#include <chrono>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace locum {
namespace {

using namespace std::chrono_literals;

struct Kept {
  std::optional<View<double[]>> own;
  std::optional<View<double[]>> of_other;
  std::optional<Proxy<double[]>> proxy;
  std::optional<Future<double[]>> future;
  std::optional<Future<double[]>> unended;
  std::optional<TaskQueue<int>> queue;
  std::optional<Store> store;
  std::optional<Promise<int>> promise;
  std::optional<StepReader> reader;
};

Kept kept_of_a_runtime(int rank, int size) {
  Kept kept;
  Runtime runtime(MPI_COMM_WORLD, {.memory_bytes = 64_MiB});
  Store store = runtime.store("kept");
  EXPECT_TRUE(store.put(std::to_string(rank), std::vector<double>(100'000, rank)));
  MPI_Barrier(MPI_COMM_WORLD);
  const std::string next = std::to_string((rank + 1) % size);
  kept.own = store.get<double[]>(std::to_string(rank)).value();
  kept.of_other = store.get<double[]>(next).value();
  kept.proxy = store.proxy<double[]>(next).value();
  EXPECT_EQ((**kept.proxy)[0], (rank + 1) % size);
  kept.future = store.get_async<double[]>(next);
  kept.unended = store.wait_async<double[]>("never");
  kept.queue.emplace(store, "tasks");
  EXPECT_TRUE(kept.queue->put(1));
  kept.promise = store.promise<int>().value();
  StepWriter out(runtime, "stream", MPI_COMM_WORLD);
  kept.reader.emplace(runtime, "stream", MPI_COMM_WORLD);
  kept.store = store;
  (void)out.close({.deadline = 1s});
  return kept;
}

// A thread that still called MPI would end the process.
TEST(Outliving, IsStillThereOrSaysThatItIsClosed) {
  int level = MPI_THREAD_SINGLE;
  MPI_Init_thread(nullptr, nullptr, MPI_THREAD_MULTIPLE, &level);
  int rank = 0;
  int size = 1;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  testing::internal::CaptureStderr();
  Kept kept = kept_of_a_runtime(rank, size);
  MPI_Finalize();
  // Each drives, or wakes the helper.
  for (int round = 0; round < 50; ++round) {
    const auto got = kept.store->get<double[]>(std::to_string((rank + 1) % size));
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().code(), Errc::closed) << got.error().what();
    EXPECT_EQ(kept.unended->get(1s).error().code(), Errc::closed);
    EXPECT_FALSE(kept.store->wait_async<int>("never").get(1ms));
    EXPECT_FALSE(kept.store->put("later", round));
    std::this_thread::sleep_for(2ms);  // in which the helper has time to look for messages
  }
  EXPECT_EQ((*kept.own)[5], rank);
  EXPECT_EQ((*kept.of_other)[5], (rank + 1) % size);
  EXPECT_EQ((**kept.proxy)[5], (rank + 1) % size);
  kept = {};
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

}  // namespace
}  // namespace locum

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
