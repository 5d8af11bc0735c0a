// Objects of another node that are fetched while the ranks compute, over a real network and in real shared
// memory.
#include <gtest/gtest.h>
#include <mpi.h>

#include <chrono>
#include <thread>
#include <vector>

#include "mpi/runtime/runtime.hpp"
#include "tests/mpi/job.hpp"

namespace locum::prefetch_test {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t count = (std::size_t{4} << 20U) / sizeof(double);

/// Calls neither the library nor MPI, except in `done`.
template <class Condition>
bool compute_until(Condition condition) {
  const auto latest = std::chrono::steady_clock::now() + 60s;
  double sum = 1;
  while (!condition() && std::chrono::steady_clock::now() < latest) {
    for (int i = 0; i < 1000; ++i) {
      sum += 1.0 / (1 + i);
    }
    std::this_thread::yield();
  }
  return sum > 0 && condition();
}

// Each rank prefetches an object of every other one, and all of them compute.
TEST(PrefetchOfRanks, BringsObjectsWhileAllCompute) {
  Runtime runtime(MPI_COMM_WORLD,
                  {.memory_bytes = std::uint64_t{256} << 20U, .timeout = 60s, .collective_timeout = 60s});
  Store store = runtime.store("fields");
  const auto own = store.put_proxy(std::vector<double>(count, 1.5 + job::rank())).value();
  std::vector<Proxy<double[]>> fields;
  for (int maker = 0; maker < job::size(); ++maker) {
    fields.push_back(runtime.proxy<double[]>(job::from(maker, own.handle())));
  }
  job::barrier();
  for (const auto& field : fields) {
    field.prefetch();
  }
  for (int maker = 0; maker < job::size(); ++maker) {
    const auto& field = fields[static_cast<std::size_t>(maker)];
    ASSERT_TRUE(compute_until([&] { return field.ready(); })) << "of rank " << maker;
    const auto view = field.try_get();
    ASSERT_TRUE(view) << view.error();
    EXPECT_EQ(view->size(), count);
    EXPECT_EQ((*view)[count - 1], 1.5 + maker);
  }
  job::barrier();
}

// Objects that do not fit the window wait for their turn: they are fetched when others are used, and at once
// when a thread waits for them.
TEST(PrefetchOfRanks, BringsInTurnWhatIsTooMuch) {
  constexpr int many = 16;
  Runtime runtime(MPI_COMM_WORLD, {.memory_bytes = std::uint64_t{256} << 20U,
                                   .timeout = 60s,
                                   .collective_timeout = 60s,
                                   .prefetch_bytes = 2 * count});
  Store store = runtime.store("fields");
  std::vector<Proxy<double[]>> own;
  std::vector<Proxy<double[]>> fields;
  const int maker = (job::rank() + 1) % job::size();
  for (int at = 0; at < many; ++at) {
    own.push_back(store.put_proxy(std::vector<double>(count / 16, at + 100.0 * job::rank())).value());
    for (int rank = 0; rank < job::size(); ++rank) {
      const Handle handle = job::from(rank, own.back().handle());
      if (rank == maker) {
        fields.push_back(runtime.proxy<double[]>(handle));
      }
    }
  }
  job::barrier();
  for (const auto& field : fields) {
    field.prefetch();
  }
  const auto last = fields.back().get();
  ASSERT_TRUE(last) << last.error();
  EXPECT_EQ((*last)[0], many - 1 + 100.0 * maker);
  for (int at = 0; at < many; ++at) {
    const auto& field = fields[static_cast<std::size_t>(at)];
    ASSERT_TRUE(compute_until([&] { return field.ready(); })) << at;
    const auto view = field.try_get();
    ASSERT_TRUE(view) << view.error();
    EXPECT_EQ((*view)[0], at + 100.0 * maker);
  }
  job::barrier();
}

}  // namespace
}  // namespace locum::prefetch_test
