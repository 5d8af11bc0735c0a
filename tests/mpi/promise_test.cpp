// Promises over a real network and in real shared memory.
#include <gtest/gtest.h>
#include <mpi.h>

#include <chrono>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "core/promise.hpp"
#include "core/when.hpp"
#include "mpi/runtime/runtime.hpp"
#include "tests/mpi/job.hpp"

namespace locum {
namespace {

using namespace std::chrono_literals;

/// Each rank makes a promise that all know.
class PromiseOfRanks : public ::testing::Test {
 protected:
  static std::vector<Handle> shared(const Handle& mine) {
    std::vector<Handle> all(static_cast<std::size_t>(job::size()));
    MPI_Allgather(&mine, sizeof mine, MPI_BYTE, all.data(), sizeof mine, MPI_BYTE, MPI_COMM_WORLD);
    return all;
  }

  ~PromiseOfRanks() override { job::barrier(); }

  Runtime runtime_{MPI_COMM_WORLD,
                   {.memory_bytes = std::uint64_t{256} << 20U, .timeout = 60s, .collective_timeout = 60s}};
  Store store_ = runtime_.store("fields");
};

TEST_F(PromiseOfRanks, ReachesAllWhoWait) {
  for (const std::size_t size : {1U, 200'000U}) {
    auto promise = store_.promise<double[]>().value();
    const auto handles = shared(promise.proxy().handle());
    std::vector<std::thread> waiting;  // also for this rank's own promise
    std::vector<double> got(handles.size());
    for (std::size_t at = 0; at < handles.size(); ++at) {
      waiting.emplace_back([&, at] {
        const auto view = runtime_.proxy<double[]>(handles[at]).get();
        got[at] = view ? (*view)[size - 1] : -1.0;
      });
    }
    EXPECT_TRUE(promise.set(std::vector<double>(size, job::rank())));
    for (auto& thread : waiting) {
      thread.join();
    }
    for (std::size_t at = 0; at < handles.size(); ++at) {
      EXPECT_EQ(got[at], static_cast<double>(at));
    }
    job::barrier();
  }
}

TEST_F(PromiseOfRanks, ComesWhileNobodyWaits) {
  auto promise = store_.promise<double[]>().value();
  const auto handles = shared(promise.proxy().handle());
  std::vector<Proxy<double[]>> stand_ins;
  for (const Handle& handle : handles) {
    stand_ins.push_back(runtime_.proxy<double[]>(handle));
    stand_ins.back().prefetch();
  }
  EXPECT_TRUE(promise.set(std::vector<double>(1000, job::rank())));
  const auto latest = std::chrono::steady_clock::now() + 60s;
  for (std::size_t at = 0; at < handles.size(); ++at) {
    while (!stand_ins[at].ready() && std::chrono::steady_clock::now() < latest) {
      std::this_thread::yield();
    }
    EXPECT_TRUE(stand_ins[at].ready()) << at;
    EXPECT_EQ((*stand_ins[at])[999], static_cast<double>(at));
  }
}

// Also promises of the own node, and of the own rank.
TEST_F(PromiseOfRanks, AreFuturesForAnyNumber) {
  constexpr int copies = 50;
  auto promise = store_.promise<double[]>().value();
  const auto handles = shared(promise.proxy().handle());
  std::vector<Future<double[]>> futures;
  for (int copy = 0; copy < copies; ++copy) {
    for (const Handle& handle : handles) {
      futures.push_back(runtime_.proxy<double[]>(handle).get_async());
    }
  }
  job::barrier();  // no wait begins too late
  EXPECT_TRUE(promise.set(std::vector<double>(1, job::rank() + 1.0)));
  double sum = 0.0;
  while (auto future = when_any(futures, 60s)) {
    const auto view = future->get();
    sum += view ? (*view)[0] : -1e9;
  }
  const double ranks = job::size();
  EXPECT_EQ(sum, copies * ranks * (ranks + 1.0) / 2.0);
}

TEST_F(PromiseOfRanks, IsBrokenForAllWhoWait) {
  std::optional<Promise<double[]>> promise = store_.promise<double[]>().value();
  const auto handles = shared(promise->proxy().handle());
  std::vector<std::thread> waiting;
  std::vector<Errc> told(handles.size());
  for (std::size_t at = 0; at < handles.size(); ++at) {
    waiting.emplace_back([&, at] {
      const auto got = runtime_.proxy<double[]>(handles[at]).get();
      told[at] = got ? Errc{} : got.error().code();
    });
  }
  promise.reset();
  for (auto& thread : waiting) {
    thread.join();
  }
  EXPECT_EQ(told, std::vector<Errc>(handles.size(), Errc::broken_promise));
}

// A rank closes with a promise that all others wait for: their waits fail, and they finish, too.
TEST_F(PromiseOfRanks, BreaksWhenItsRuntimeCloses) {
  std::optional<Promise<double[]>> promise;
  Handle handle;
  if (job::rank() == 0) {
    promise = store_.promise<double[]>().value();
    handle = promise->proxy().handle();
  }
  MPI_Bcast(&handle, sizeof handle, MPI_BYTE, 0, MPI_COMM_WORLD);
  if (job::rank() != 0) {
    const auto got = runtime_.proxy<double[]>(handle).get();
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().code(), Errc::broken_promise) << got.error();
  }
  runtime_.close();
  if (promise) {
    EXPECT_EQ(promise->set(std::vector<double>{1}).error().code(), Errc::closed);
  }
}

TEST_F(PromiseOfRanks, UnderANameIsFoundByThatToo) {
  std::optional<Promise<double[]>> promise;
  if (job::rank() == 0) {
    promise = store_.promise<double[]>("late").value();
  }
  std::thread waiter([&] {
    const auto got = store_.wait<double[]>("late");
    EXPECT_TRUE(got && (*got)[0] == 4.0);
  });
  if (promise) {
    EXPECT_TRUE(promise->set(std::vector<double>{4}));
  }
  waiter.join();
}

}  // namespace
}  // namespace locum
