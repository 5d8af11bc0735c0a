// What a rank has ahead of use of stores over backends is bounded by the runtime's `prefetch_bytes`: counted
// at a backend that answers when the test lets it.

#include <gtest/gtest.h>
#include <mpi.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "core/backend_registry.hpp"
#include "mpi/runtime/runtime.hpp"
#include "tests/transport/storage/turnstile.hpp"

namespace locum {
namespace {

using namespace std::chrono_literals;

constexpr int many = 8;

/// Says of itself what a job needs of a backend; each rank has its own.
tests::Turnstile& gate() {
  static tests::Turnstile* const one = new tests::Turnstile(
      {.scheme = "turnstile", .loads_ends = true, .is_durable = true, .shared_by = SharedBy::hosts});
  return *one;
}

LOCUM_REGISTER_BACKEND(turnstile, [](const Url&) -> Result<std::shared_ptr<Backend>> {
  return std::shared_ptr<Backend>(std::shared_ptr<void>(), &gate());
});

RuntimeOptions with_prefetch(std::uint64_t bytes) {
  return {.memory_bytes = 64_MiB, .timeout = 60s, .collective_timeout = 60s, .prefetch_bytes = bytes};
}

std::vector<double> numbers(std::uint64_t bytes, int value) {
  return std::vector<double>(bytes / sizeof(double), value);
}

TEST(PrefetchOverBackends, IsBoundedByTheOptionOfTheRuntime) {
  Runtime runtime(MPI_COMM_WORLD, with_prefetch(2_MiB + 512_KiB));
  const Store store = runtime.store("plain", {.connector = "turnstile:"});
  std::vector<Proxy<double[]>> ahead;
  for (int at = 0; at < many; ++at) {
    ahead.push_back(
        runtime.proxy<double[]>(store.put_proxy(numbers(1_MiB, at), {.populate = false}).value().handle()));
  }
  gate().let_pass(0);
  for (const auto& one : ahead) {
    one.prefetch();
  }
  EXPECT_TRUE(gate().have_come(2));
  EXPECT_FALSE(gate().have_come(3, 100ms)) << "two fit";
  gate().let_pass(tests::all_calls);
  for (int at = 0; at < many; ++at) {
    EXPECT_EQ(ahead[static_cast<std::size_t>(at)].get().value()[0], at);
  }
  EXPECT_EQ(gate().wholes(), many);
  MPI_Barrier(MPI_COMM_WORLD);
}

// What comes to the nodes' memory is bounded by the window of that memory, here 16 MiB at most. Nothing is
// known of sizes, so that four are asked for as a whole: they fill it.
TEST(PrefetchOverBackends, ToTheMemoryOfTheNodesIsBoundedByItsWindow) {
  std::vector<std::string> names;
  {
    Runtime runtime(MPI_COMM_WORLD, with_prefetch(0));
    const Store store = runtime.store("tiered", {.connector = "nodes+turnstile:"});
    for (int at = 0; at < many; ++at) {
      names.push_back(std::to_string(runtime.rank()) + "/" + std::to_string(at));
      ASSERT_TRUE(store.put(names.back(), numbers(4_MiB, at)));
    }
    MPI_Barrier(MPI_COMM_WORLD);
  }
  Runtime runtime(MPI_COMM_WORLD, with_prefetch(0));
  const Store store = runtime.store("tiered", {.connector = "nodes+turnstile:"});
  const auto futures = store.get_async<double[]>(names);
  const auto are_ready = [&](std::ptrdiff_t wanted, std::chrono::milliseconds within) {
    const auto until = Deadline::Clock::now() + within;
    std::ptrdiff_t ready = 0;
    while (ready < wanted && Deadline::Clock::now() < until) {
      std::this_thread::yield();
      ready = std::ranges::count_if(futures, [](const auto& one) { return one.ready(); });
    }
    return ready >= wanted;
  };
  EXPECT_TRUE(are_ready(4, 60s));
  EXPECT_FALSE(are_ready(5, 100ms)) << "the window is full until one of them is used";
  for (int at = 0; at < many; ++at) {
    EXPECT_EQ(futures[static_cast<std::size_t>(at)].get().value()[0], at);
  }
  MPI_Barrier(MPI_COMM_WORLD);
}

}  // namespace
}  // namespace locum
