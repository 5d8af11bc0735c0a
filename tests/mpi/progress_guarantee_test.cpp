// A rank serves others while it calls neither MPI nor the library, and its only core is busy computing.
#include <gtest/gtest.h>
#include <mpi.h>
#include <sched.h>

#include <atomic>
#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "core/promise.hpp"
#include "mpi/runtime/runtime.hpp"
#include "tests/mpi/job.hpp"

namespace locum {
namespace {

using namespace std::chrono_literals;

/// A number that all ranks of the machine see without calling MPI.
class SharedCount {
 public:
  SharedCount() {
    int* own = nullptr;
    MPI_Win_allocate_shared(sizeof(int), sizeof(int), MPI_INFO_NULL, MPI_COMM_WORLD, &own, &window_);
    *own = 0;
    MPI_Aint bytes = 0;
    int unit = 0;
    MPI_Win_shared_query(window_, 0, &bytes, &unit, &count_);
    job::barrier();
  }
  SharedCount(const SharedCount&) = delete;
  SharedCount& operator=(const SharedCount&) = delete;
  ~SharedCount() { MPI_Win_free(&window_); }

  void increment() { std::atomic_ref(*count_).fetch_add(1); }
  [[nodiscard]] int value() const { return std::atomic_ref(*count_).load(); }

 private:
  MPI_Win window_ = MPI_WIN_NULL;
  int* count_ = nullptr;
};

/// This thread, and those that it starts, run on one core.
class OnOneCore {
 public:
  OnOneCore() {
    EXPECT_EQ(::sched_getaffinity(0, sizeof before_, &before_), 0);
    int core = 0;
    while (CPU_ISSET(core, &before_) == 0) {
      ++core;
    }
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(core, &one);
    EXPECT_EQ(::sched_setaffinity(0, sizeof one, &one), 0);
  }
  OnOneCore(const OnOneCore&) = delete;
  OnOneCore& operator=(const OnOneCore&) = delete;
  ~OnOneCore() { EXPECT_EQ(::sched_setaffinity(0, sizeof before_, &before_), 0); }

 private:
  cpu_set_t before_;
};

constexpr std::size_t elements = std::size_t{8} << 20U;  // 64 MiB of them
constexpr int names_of_rank = 16;                        // some of them with their home on the owner's node

/// The owner's objects, and its promises, which are set.
struct OwnedBytes {
  Key large;
  Key evicted;
  Handle promised;
};

// Some of the names have their home on the owner's node.
void promise_what_the_owner_is_home_to(Runtime& runtime, Store& store) {
  for (int number = 0; number < names_of_rank; ++number) {
    const std::string name = "promised " + std::to_string(job::rank()) + "/" + std::to_string(number);
    auto promise = store.promise<int>(name, {.deadline = 20s}).value();
    const auto coming = runtime.proxy<int>(promise.proxy().handle()).get_async(20s);
    const auto set = promise.set(number, {.deadline = 20s});
    EXPECT_TRUE(set) << set.error();
    EXPECT_EQ(*store.wait<int>(name, 20s).value(), number);
    EXPECT_EQ(*coming.get(20s).value(), number);
  }
}

void use_the_owner(Runtime& runtime, Store& store, const OwnedBytes& owned) {
  const auto& [large, evicted, promised] = owned;
  EXPECT_EQ(*runtime.proxy<int>(promised).get_async(20s).get(20s).value(), 9);
  promise_what_the_owner_is_home_to(runtime, store);
  const auto view = store.get<double[]>(large, {.deadline = 20s});
  ASSERT_TRUE(view) << view.error();
  EXPECT_EQ((*view)[elements - 1], 7.0);
  for (int number = 0; number < names_of_rank; ++number) {
    const std::string name = std::to_string(job::rank()) + "/" + std::to_string(number);
    const auto put = store.put(name, number, {.deadline = 20s});
    EXPECT_TRUE(put) << put.error();
    EXPECT_EQ(*store.get<int>(name, {.deadline = 20s}).value(), number);
  }
  const auto gone = store.evict(evicted, {.deadline = 20s});
  EXPECT_TRUE(gone) << gone.error();
  EXPECT_FALSE(store.exists(evicted, {.deadline = 20s}).value());
}

TEST(ProgressGuarantee, HoldsWhileTheOwnerCallsNothingAndItsOnlyCoreIsTaken) {
  SharedCount done;
  std::optional<OnOneCore> pinned;
  if (job::rank() == 0) {
    pinned.emplace();
  }
  Runtime runtime(MPI_COMM_WORLD, {.memory_bytes = 512_MiB});
  Store store = runtime.store("fields");
  OwnedBytes owned;
  if (job::rank() == 0) {
    owned.large = store.put(std::vector<double>(elements, 7.0)).value();
    owned.evicted = store.put(std::vector<double>(1000, 8.0)).value();
    auto promise = store.promise<int>().value();
    owned.promised = promise.proxy().handle();
    (void)promise.set(9).value();
  }
  owned = job::from(0, owned);
  job::barrier();
  if (job::rank() == 0) {
    const auto end = Deadline::Clock::now() + 60s;
    double computed = 1.0;
    while (done.value() < job::last() && Deadline::Clock::now() < end) {
      for (int i = 0; i < 1000; ++i) {
        computed = computed * 1.0000001 + 0.5;
      }
    }
    EXPECT_EQ(done.value(), job::last()) << "ranks were served while this one computed " << computed;
  } else {
    use_the_owner(runtime, store, owned);
    done.increment();
  }
  job::barrier();
}

}  // namespace
}  // namespace locum
