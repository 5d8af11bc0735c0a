// Threads that the library did not start, OpenMP's and those of std::async: they use one store, the same
// stand-ins and the same futures.
#include <gtest/gtest.h>
#include <mpi.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <future>
#include <numeric>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "mpi/runtime/runtime.hpp"
#include "tests/mpi/job.hpp"

#ifdef _OPENMP
#include <omp.h>
#endif

namespace locum {
namespace {

using namespace std::chrono_literals;

constexpr int objects_of_rank = 24;
constexpr int threads = 4;

class UserThreads : public ::testing::Test {
 protected:
  ~UserThreads() override { job::barrier(); }

  static std::string name(int rank, int at) { return std::to_string(rank) + "/" + std::to_string(at); }
  static std::size_t length(int at) { return at % 4 == 0 ? 100'000 : 10; }
  static double value(int rank, int at) { return 100.0 * rank + at; }
  static std::vector<double> object(int rank, int at) {
    return std::vector<double>(length(at), value(rank, at));
  }
  static int objects() { return job::size() * objects_of_rank; }
  /// The name of one of all objects.
  static std::string name_of(int object) { return name(object / objects_of_rank, object % objects_of_rank); }
  static bool is_right(const Result<View<double[]>>& view, int object) {
    const int rank = object / objects_of_rank;
    const int at = object % objects_of_rank;
    return view && view->size() == length(at) && (*view)[view->size() - 1] == value(rank, at);
  }
  void put_all() {
    for (int at = 0; at < objects_of_rank; ++at) {
      EXPECT_TRUE(store_.put(name(job::rank(), at), object(job::rank(), at)));
    }
    job::barrier();
  }
  std::vector<Proxy<double[]>> stand_ins() {
    std::vector<Proxy<double[]>> all;
    for (int object = 0; object < objects(); ++object) {
      all.push_back(store_.proxy<double[]>(name_of(object)).value());
    }
    return all;
  }
  static double sum_of_all() {
    double sum = 0;
    for (int object = 0; object < objects(); ++object) {
      const int at = object % objects_of_rank;
      sum += value(object / objects_of_rank, at) * static_cast<double>(length(at));
    }
    return sum;
  }

  Runtime runtime_{MPI_COMM_WORLD,
                   {.memory_bytes = std::uint64_t{256} << 20U, .timeout = 60s, .collective_timeout = 60s}};
  Store store_ = runtime_.store("fields");
};

#ifdef _OPENMP

// Errors are counted, not thrown: an exception must not leave an OpenMP loop.
TEST_F(UserThreads, OfOpenMPPutAndGet) {
  int wrong = 0;
  int most_threads = 0;
#pragma omp parallel for num_threads(threads) schedule(dynamic) reduction(+ : wrong)
  for (int at = 0; at < objects_of_rank; ++at) {
    const auto put = at % 2 == 0 ? store_.put(name(job::rank(), at), object(job::rank(), at))
                                 : store_.put_async(name(job::rank(), at), object(job::rank(), at)).get();
    wrong += put ? 0 : 1;
  }
  EXPECT_EQ(wrong, 0);
  job::barrier();
  const int all = objects();
#pragma omp parallel for num_threads(threads) schedule(dynamic) reduction(+ : wrong) \
    reduction(max : most_threads)
  for (int object = 0; object < all; ++object) {
    most_threads = std::max(most_threads, omp_get_num_threads());
    wrong += is_right(store_.get<double[]>(name_of(object)), object) ? 0 : 1;
    wrong += is_right(store_.get_async<double[]>(name_of(object)).get(), object) ? 0 : 1;
    wrong += store_.exists("no " + name_of(object)).value_or(true) ? 1 : 0;
  }
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(most_threads, threads);
}

TEST_F(UserThreads, OfOpenMPShareStandIns) {
  put_all();
  const auto all = stand_ins();
  double sum = 0;
  int wrong = 0;
  // All threads begin with the same stand-ins: one resolution each.
#pragma omp parallel num_threads(threads) reduction(+ : wrong)
  {
    std::vector<const double*> where;
    for (const auto& stand_in : all) {
      const auto view = stand_in.get();
      wrong += view ? 0 : 1;
      where.push_back(view ? view->data() : nullptr);
    }
#pragma omp barrier
    for (std::size_t object = 0; object < all.size(); ++object) {
      wrong += all[object].get().value()->data() == where[object] ? 0 : 1;
    }
  }
  EXPECT_EQ(wrong, 0);
  const int objects = static_cast<int>(all.size());
#pragma omp parallel for num_threads(threads) schedule(static) reduction(+ : sum)
  for (int object = 0; object < objects; ++object) {
    const auto& stand_in = *all[static_cast<std::size_t>(object)];
    sum += std::accumulate(stand_in.begin(), stand_in.end(), 0.0);
  }
  EXPECT_EQ(sum, sum_of_all());
}

TEST_F(UserThreads, OfOpenMPWaitForOneVectorOfFutures) {
  put_all();
  std::vector<Future<double[]>> futures;
  for (int object = 0; object < objects(); ++object) {
    futures.push_back(store_.get_async<double[]>(name_of(object)));
  }
  int wrong = 0;
#pragma omp parallel num_threads(threads) reduction(+ : wrong)
  for (int object = 0; object < static_cast<int>(futures.size()); ++object) {
    // Each by all threads; some threads wait before it has arrived.
    const auto& future = futures[static_cast<std::size_t>(object)];
    wrong += future.wait_for(60s) && is_right(future.get(), object) ? 0 : 1;
  }
  EXPECT_EQ(wrong, 0);
}

#else

TEST_F(UserThreads, OfOpenMP) {
  GTEST_SKIP() << "this compiler has no OpenMP, or lacks its library (libomp for clang)";
}

#endif

TEST_F(UserThreads, OfStdAsyncPutAndGet) {
  std::vector<std::future<bool>> puts;
  for (int at = 0; at < objects_of_rank; ++at) {
    puts.push_back(std::async(std::launch::async, [this, at] {
      return store_.put(name(job::rank(), at), object(job::rank(), at)).has_value();
    }));
  }
  for (auto& put : puts) {
    EXPECT_TRUE(put.get());
  }
  job::barrier();
  std::vector<std::future<bool>> gets;
  for (int object = 0; object < objects(); ++object) {
    gets.push_back(std::async(std::launch::async, [this, object] {
      Store store = store_;  // a copy works as well
      return is_right(store.get<double[]>(name_of(object)), object) &&
             is_right(store_.get_async<double[]>(name_of(object)).get(), object);
    }));
  }
  for (auto& get : gets) {
    EXPECT_TRUE(get.get());
  }
}

// Each task goes through all futures in their order of arrival; copies share one state.
TEST_F(UserThreads, OfStdAsyncEachTakeTheFuturesAsTheyCome) {
  put_all();
  std::vector<std::string> names;
  for (int object = 0; object < objects(); ++object) {
    names.push_back(name_of(object));
  }
  const auto futures = store_.get_async<double[]>(names);
  std::vector<std::future<double>> sums;
  for (int task = 0; task < threads; ++task) {
    sums.push_back(std::async(std::launch::async, [own = futures]() mutable {
      double sum = 0;
      while (auto future = when_any(own)) {
        const auto view = future->get().value();
        sum = std::accumulate(view.begin(), view.end(), sum);
      }
      return sum;
    }));
  }
  for (auto& sum : sums) {
    EXPECT_EQ(sum.get(), sum_of_all());
  }
}

// Another thread cancels a future that a task waits for: the task continues at once, and the next one has the
// object.
TEST_F(UserThreads, OfStdAsyncGoOnWhenTheirFutureIsCancelled) {
  put_all();
  for (int object = 0; object < objects(); ++object) {
    const auto future = store_.get_async<double[]>(name_of(object));
    auto waiting = std::async(std::launch::async, [future] { return future.get(); });
    future.cancel();
    const auto got = waiting.get();
    EXPECT_TRUE(is_right(got, object) || got.error().code() == Errc::cancelled);
    EXPECT_TRUE(is_right(store_.get<double[]>(name_of(object)), object));
  }
}

// A stand-in is copied into the task, which returns what it resolves to; the exception of a task reaches the
// caller.
TEST_F(UserThreads, OfStdAsyncTakeStandInsAlong) {
  put_all();
  const auto all = stand_ins();
  prefetch(all);
  std::vector<std::future<View<double[]>>> tasks;
  for (const auto& stand_in : all) {
    tasks.push_back(std::async(std::launch::async, [stand_in] { return stand_in.get().value(); }));
  }
  for (int object = 0; object < objects(); ++object) {
    EXPECT_TRUE(is_right(tasks[static_cast<std::size_t>(object)].get(), object));
  }
  auto fails = std::async(std::launch::async, [this] { return store_.get<double[]>("nobody's").value(); });
  EXPECT_THROW(fails.get(), Error);
}

// Calls that are not collective, on a runtime that the main thread closes meanwhile.
TEST_F(UserThreads, AskARuntimeThatIsBeingClosed) {
  put_all();
  const Handle handle = store_.proxy<double[]>(name(job::rank(), 0)).value().handle();
  std::atomic<int> asking = 0;
  std::atomic<bool> is_closed = false;
  std::vector<std::future<int>> tasks;
  for (int task = 0; task < threads; ++task) {
    tasks.push_back(std::async(std::launch::async, [&] {
      int wrong = 0;
      bool is_counted = false;
      for (bool again = true; again; again = !is_closed.load()) {
        wrong += runtime_.report().find("memory by node") == std::string::npos ? 1 : 0;
        wrong += runtime_.lost_ranks().empty() ? 0 : 1;
        try {
          wrong += runtime_.store("fields").exists("none").value_or(false) ? 1 : 0;
          (void)runtime_.proxy<double[]>(handle).ready();
        } catch (const Error& error) {
          wrong += error.code() == Errc::closed ? 0 : 1;
        }
        const auto flushed = runtime_.flush();
        wrong += flushed || flushed.error().code() == Errc::closed ? 0 : 1;
        asking += is_counted ? 0 : 1;
        is_counted = true;
      }
      return wrong;
    }));
  }
  for (const auto last = std::chrono::steady_clock::now() + 60s;
       asking < threads && std::chrono::steady_clock::now() < last;) {
    std::this_thread::yield();
  }
  EXPECT_EQ(asking, threads);
  runtime_.close();
  is_closed = true;
  for (auto& task : tasks) {
    EXPECT_EQ(task.get(), 0);
  }
}

}  // namespace
}  // namespace locum
