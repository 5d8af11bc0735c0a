// Futures over a real network and in real shared memory.
#include <gtest/gtest.h>
#include <mpi.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/promise.hpp"
#include "mpi/runtime/runtime.hpp"
#include "tests/mpi/job.hpp"
#include "tests/mpi/thread_load.hpp"

namespace locum {
namespace {

using namespace std::chrono_literals;

constexpr int objects_of_rank = 12;

/// Each rank puts small and large objects.
class FutureOfRanks : public ::testing::Test {
 protected:
  FutureOfRanks() {
    for (int at = 0; at < objects_of_rank; ++at) {
      EXPECT_TRUE(store_.put(name(job::rank(), at), std::vector<double>(length(at), value(job::rank(), at))));
    }
    job::barrier();
  }
  ~FutureOfRanks() override { job::barrier(); }

  static std::string name(int rank, int at) { return std::to_string(rank) + "/" + std::to_string(at); }
  static std::size_t length(int at) { return at % 3 == 0 ? 200'000 : 10; }
  static double value(int rank, int at) { return 100.0 * rank + at; }
  static std::vector<std::string> all_names() {
    std::vector<std::string> names;
    for (int rank = 0; rank < job::size(); ++rank) {
      for (int at = 0; at < objects_of_rank; ++at) {
        names.push_back(name(rank, at));
      }
    }
    return names;
  }

  Runtime runtime_{MPI_COMM_WORLD,
                   {.memory_bytes = std::uint64_t{256} << 20U, .timeout = 60s, .collective_timeout = 60s}};
  Store store_ = runtime_.store("fields");
};

TEST_F(FutureOfRanks, BringsAllObjectsOfAllRanks) {
  auto parts = store_.get_async<double[]>(all_names());
  std::vector<bool> seen(parts.size());
  while (auto part = when_any(parts)) {
    const auto at = part.place();
    const auto view = part->get();
    ASSERT_TRUE(view) << view.error();
    const int rank = static_cast<int>(at) / objects_of_rank;
    const int number = static_cast<int>(at) % objects_of_rank;
    ASSERT_EQ(view->size(), length(number));
    EXPECT_EQ((*view)[view->size() - 1], value(rank, number));
    EXPECT_FALSE(seen[at]);
    seen[at] = true;
  }
  EXPECT_EQ(std::count(seen.begin(), seen.end(), true), static_cast<std::ptrdiff_t>(seen.size()));
}

// Names with their home on any node, put by any rank, including this one and those of its node.
TEST_F(FutureOfRanks, EndWhenNamesArePutThatTheyWaitFor) {
  std::vector<Future<double[]>> parts;
  for (const std::string& each : all_names()) {
    parts.push_back(store_.wait_async<double[]>("later/" + each));
  }
  job::barrier();
  for (int at = 0; at < objects_of_rank; ++at) {
    const std::vector<double> values(length(at), value(job::rank(), at));
    ASSERT_TRUE(store_.put("later/" + name(job::rank(), at), values));
  }
  const auto never = store_.wait_async<double>("never", {.deadline = 10ms});
  std::size_t arrived = 0;
  for (; auto part = when_any(parts); ++arrived) {
    const int rank = static_cast<int>(part.place()) / objects_of_rank;
    const int number = static_cast<int>(part.place()) % objects_of_rank;
    const auto view = part->get();
    ASSERT_TRUE(view) << view.error();
    EXPECT_EQ((*view)[view->size() - 1], value(rank, number));
  }
  EXPECT_EQ(arrived, parts.size());
  EXPECT_EQ(never.get(60s).error().code(), Errc::timeout);
}

// Objects of other nodes that have arrived and are unused take no more than the window, plus the awaited one.
TEST(FutureWindowOfRanks, HoldsNoMoreThanItsBytesAheadOfUse) {
  constexpr int many = 16;
  constexpr int fit = 4;
  constexpr std::uint64_t object_bytes = std::uint64_t{1} << 20U;
  Runtime runtime(MPI_COMM_WORLD, {.memory_bytes = std::uint64_t{256} << 20U,
                                   .timeout = 60s,
                                   .collective_timeout = 60s,
                                   .prefetch_bytes = fit * object_bytes + object_bytes / 2});
  Store store = runtime.store("fields");
  const int maker = (job::rank() + 1) % job::size();
  std::vector<Key> keys;
  for (int at = 0; at < many; ++at) {
    const Key own = store.put(std::vector<double>(object_bytes / sizeof(double), at)).value();
    for (int rank = 0; rank < job::size(); ++rank) {
      const Key key = job::from(rank, own);
      if (rank == maker) {
        keys.push_back(key);
      }
    }
  }
  auto parts = store.get_async<double[]>(keys);
  double sum = 0;
  while (auto part = when_any(parts)) {
    const auto view = part->get();
    ASSERT_TRUE(view) << view.error();
    sum += (*view)[0];
    const auto ready = static_cast<int>(
        std::ranges::count_if(parts, [](const auto& one) { return one.ready() && !one.given(); }));
    EXPECT_LE(ready, job::same_node(maker) ? many : fit + 1);
  }
  EXPECT_EQ(sum, many * (many - 1) / 2.0);
  job::barrier();
}

TEST_F(FutureOfRanks, BringsPartsAndSaysWhatIsThere) {
  const auto names = all_names();
  std::vector<Future<double[]>> parts;
  std::vector<AsyncResult<bool>> there;
  for (const std::string& name : names) {
    parts.push_back(store_.get_async<double[]>(name, {.part = {.offset = 3, .count = 2}}));
    parts.push_back(store_.get_async<double[]>(name, {.slab = {.start = {0}, .count = {4}, .stride = {3}}}));
    there.push_back(store_.exists_async(name));
    there.push_back(store_.exists_async("no " + name));
  }
  ASSERT_TRUE(when_all(parts) && when_all(there));
  for (std::size_t at = 0; at < names.size(); ++at) {
    const double expected =
        value(static_cast<int>(at) / objects_of_rank, static_cast<int>(at) % objects_of_rank);
    const auto part = parts[2 * at].get();
    const auto line = parts[2 * at + 1].get();
    ASSERT_TRUE(part && line);
    EXPECT_EQ(part->size(), 2U);
    EXPECT_EQ(line->size(), 4U);
    EXPECT_EQ((*part)[1], expected);
    EXPECT_EQ((*line)[3], expected);
    EXPECT_TRUE(there[2 * at].get().value());
    EXPECT_FALSE(there[2 * at + 1].get().value());
  }
}

// Each rank puts names with any home, and evicts those of the next one.
TEST_F(FutureOfRanks, GivesAndTakesNamesWithoutWaiting) {
  constexpr int number = 60;
  const auto made = [](int rank, int at) { return "made " + name(rank, at); };
  std::vector<AsyncResult<Key>> puts;
  for (int at = 0; at < number; ++at) {
    std::vector<double> values(length(at % objects_of_rank), value(job::rank(), at));
    puts.push_back(store_.put_async(made(job::rank(), at), values));
    puts.push_back(store_.put_async(made(0, at), 1));  // one rank succeeds
  }
  ASSERT_TRUE(when_all(puts));
  for (int at = 0; at < number; ++at) {
    const auto own = puts[static_cast<std::size_t>(2 * at)].get();
    EXPECT_TRUE(own || (job::rank() == 0 && own.error().code() == Errc::key_exists)) << own.error();
  }
  job::barrier();
  const int next = (job::rank() + 1) % job::size();
  std::vector<AsyncResult<bool>> gone;
  for (int at = 0; at < number; ++at) {
    const auto found = store_.get<double[]>(made(next, at));
    if (next != 0) {
      ASSERT_TRUE(found) << found.error();
      EXPECT_EQ((*found)[0], value(next, at));
    }
    gone.push_back(store_.evict_async(made(next, at)));
  }
  ASSERT_TRUE(when_all(gone));
  EXPECT_TRUE(std::ranges::all_of(gone, [](const auto& each) { return each.get().value(); }));
  job::barrier();
  EXPECT_FALSE(store_.exists(made(job::rank(), 0)).value());
}

AsyncResult<double> sum(Store store, std::vector<std::string> names) {
  double total = 0;
  for (const std::string& name : names) {
    total += (co_await store.get_async<double[]>(name)).value()[0];
  }
  co_return total;
}

TEST_F(FutureOfRanks, IsFollowedInAThreadOfItsOwn) {
  std::atomic<int> followed = 0;
  std::vector<AsyncResult<void>> after;
  for (const auto& part : store_.get_async<double[]>(all_names())) {
    after.push_back(part.then([&](const Result<View<double[]>>& got) { followed += got ? 1 : 0; }));
  }
  const auto total = sum(store_, all_names());
  ASSERT_TRUE(when_all(after));
  EXPECT_EQ(followed, job::size() * objects_of_rank);
  double expected = 0;
  for (int rank = 0; rank < job::size(); ++rank) {
    for (int at = 0; at < objects_of_rank; ++at) {
      expected += value(rank, at);
    }
  }
  EXPECT_EQ(*total.get(), expected);
}

TEST_F(FutureOfRanks, IsCancelledWhileItIsOnItsWay) {
  for (int round = 0; round < 20; ++round) {
    const auto parts = store_.get_async<double[]>(all_names());
    for (const auto& part : parts) {
      part.cancel();
      EXPECT_TRUE(part.ready());
    }
  }
  const auto parts = store_.get_async<double[]>(all_names());
  EXPECT_TRUE(when_all(parts));
  for (const auto& part : parts) {
    EXPECT_TRUE(part.get());
  }
}

// Signals to the application are for its own threads; a fault of a thread is signalled to that thread.
TEST_F(FutureOfRanks, HasThreadsThatAreNamedAndTakeNoSignals) {
  auto promise = store_.promise<double>().value();
  const auto promised = promise.proxy().get_async();
  ASSERT_TRUE(promise.set(1.0));
  // With several nodes the worker checks what was set: no thread waits for that operation itself.
  EXPECT_TRUE(promised.then([](const Result<View<double>>&) {}).get());
  for (const char* const name : {"locum futures", "locum helper", "locum worker"}) {
    const bool is_expected = name == std::string("locum futures") || !job::one_node();
    const auto thread = tests::awaited_thread(name, is_expected);
    EXPECT_EQ(thread.has_value(), is_expected) << name;
    if (thread) {
      const std::uint64_t blocked = tests::status_of(*thread, "SigBlk", 16).value();
      const auto blocks = [&](int signal) { return (blocked >> static_cast<unsigned>(signal - 1)) & 1U; };
      EXPECT_TRUE(blocks(SIGTERM) && blocks(SIGALRM) && blocks(SIGUSR1)) << name;
      EXPECT_FALSE(blocks(SIGSEGV) || blocks(SIGBUS) || blocks(SIGFPE)) << name;
    }
  }
}

// Of all ranks at a time: small objects of each node together, large ones one by one.
TEST(BatchOfARuntime, BringsObjectsOfAllRanks) {
  constexpr std::size_t number = 300;
  Runtime runtime(MPI_COMM_WORLD, {.memory_bytes = std::uint64_t{64} << 20U, .collective_timeout = 60s});
  Store store = runtime.store("fields");
  std::vector<Key> own;
  const auto value_of = [](int rank, std::size_t at) { return rank + 0.5 * static_cast<double>(at); };
  for (std::size_t at = 0; at < number; ++at) {
    own.push_back(
        store.put(std::vector<double>(at % 100 == 0 ? 10'000 : 10, value_of(job::rank(), at))).value());
  }
  ASSERT_TRUE(store.evict(own[7]).value());
  job::barrier();
  for (int rank = 0; rank < job::size(); ++rank) {
    std::vector<Key> keys;
    for (const Key& key : own) {
      keys.push_back(job::from(rank, key));
    }
    const auto found = store.get_batch<double[]>(keys);
    const auto stand_ins = store.proxy_batch<double[]>(keys);
    ASSERT_EQ(found.size(), number);
    for (std::size_t at = 0; at < number; ++at) {
      if (at == 7) {
        EXPECT_EQ(found[at].error().code(), Errc::not_found);
        EXPECT_EQ(stand_ins[at].error().code(), Errc::not_found);
        continue;
      }
      ASSERT_TRUE(found[at].has_value() && stand_ins[at].has_value()) << at;
      EXPECT_EQ((*found[at])[9], value_of(rank, at));
      EXPECT_EQ(stand_ins[at]->size_bytes(), found[at]->size_bytes());
    }
  }
  MPI_Barrier(MPI_COMM_WORLD);
}

// Each rank puts and evicts many names, with homes on all nodes; also large values, and objects of the
// others.
TEST(BatchOfARuntime, PutsAndEvictsOnAllNodes) {
  constexpr std::size_t number = 600;
  Runtime runtime(MPI_COMM_WORLD, {.memory_bytes = std::uint64_t{64} << 20U, .collective_timeout = 60s});
  Store store = runtime.store("fields");
  const auto name_of = [](int rank, std::size_t at) {
    return "rank " + std::to_string(rank) + ", " + std::to_string(at);
  };
  std::vector<std::pair<std::string, std::vector<double>>> objects;
  for (std::size_t at = 0; at < number; ++at) {
    objects.emplace_back(name_of(job::rank(), at),
                         std::vector<double>(at % 100 == 0 ? 10'000 : at % 500, 1.0 * job::rank()));
  }
  objects.emplace_back("everybody's", std::vector<double>{1.0});
  const auto keys = store.put_batch(objects);
  ASSERT_EQ(keys.size(), number + 1);
  for (std::size_t at = 0; at < number; ++at) {
    ASSERT_TRUE(keys[at].has_value()) << keys[at].error();
  }
  int taken = keys.back() ? 0 : 1;
  if (!keys.back()) {
    EXPECT_EQ(keys.back().error().code(), Errc::key_exists);
  }
  MPI_Allreduce(MPI_IN_PLACE, &taken, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
  EXPECT_EQ(taken, job::size() - 1) << "one of the ranks has put it";
  const int other = (job::rank() + 1) % job::size();
  std::vector<std::string> names;
  for (std::size_t at = 0; at < number; ++at) {
    names.push_back(name_of(other, at));
  }
  const auto found = store.get_batch<double[]>(names);
  for (std::size_t at = 0; at < number; ++at) {
    ASSERT_TRUE(found[at].has_value()) << found[at].error();
    EXPECT_EQ(found[at]->size(), objects[at].second.size());
    EXPECT_TRUE(found[at]->size() == 0 || (*found[at])[0] == other);
  }
  job::barrier();
  // The first half by name, of another rank; then the second one by key.
  names.resize(number / 2);
  for (const auto& gone : store.evict_batch(names)) {
    EXPECT_TRUE(gone.has_value() && *gone);
  }
  std::vector<Key> own;
  for (std::size_t at = 0; at < number; ++at) {
    own.push_back(keys[at].value());
  }
  job::barrier();
  const auto gone = store.evict_batch(own);
  for (std::size_t at = 0; at < number; ++at) {
    ASSERT_TRUE(gone[at].has_value()) << gone[at].error();
    EXPECT_EQ(*gone[at], at >= number / 2) << at;
  }
  job::barrier();
  EXPECT_EQ(store.keys("rank ").value(), std::vector<std::string>());
  MPI_Barrier(MPI_COMM_WORLD);
}

// Continuations finish before the runtime does.
TEST(FutureOfAClosedRuntime, HasEnded) {
  std::vector<Future<double[]>> parts;
  std::atomic<int> followed = 0;
  {
    Runtime runtime(MPI_COMM_WORLD, {.memory_bytes = std::uint64_t{256} << 20U, .collective_timeout = 60s});
    Store store = runtime.store("fields");
    const Key own = store.put(std::vector<double>(500'000, job::rank())).value();
    std::vector<Key> keys;
    for (int rank = 0; rank < job::size(); ++rank) {
      keys.push_back(job::from(rank, own));
    }
    parts = store.get_async<double[]>(keys);
    for (const auto& part : parts) {
      (void)part.then([&](const Result<View<double[]>>&) { ++followed; });
    }
  }
  EXPECT_EQ(followed, job::size());
  for (int rank = 0; rank < job::size(); ++rank) {
    const auto& part = parts[static_cast<std::size_t>(rank)];
    ASSERT_TRUE(part.ready());
    const auto got = part.get();
    EXPECT_TRUE(got ? (*got)[499'999] == rank : got.error().code() == Errc::closed) << got.error();
  }
}

}  // namespace
}  // namespace locum
