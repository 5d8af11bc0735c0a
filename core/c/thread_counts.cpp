#include "core/c/thread_counts.hpp"

#include <atomic>
#include <new>

namespace locum::c {

namespace {

/// What one thread at a time counts. Never freed: a later thread goes on with the number of one that ended.
struct Count {
  std::atomic<std::int64_t> number{0};  ///< only its thread writes it
  std::atomic<bool> has_thread{true};
  Count* next = nullptr;
};

// Without a mutex, which another thread might hold at a fork: a child would wait for that thread, which it
// does not have.
constinit std::atomic<Count*> all_counts{nullptr};
constinit std::atomic<std::int64_t> by_others{0};  ///< threads for which there was no memory, or that end

Count* take_count() noexcept {
  for (Count* each = all_counts.load(std::memory_order_acquire); each != nullptr; each = each->next) {
    bool has_thread = false;
    // Acquires the number that the thread before has written.
    if (each->has_thread.compare_exchange_strong(has_thread, true, std::memory_order_acquire)) {
      return each;
    }
  }
  auto* const made = new (std::nothrow) Count;
  if (made != nullptr) {
    made->next = all_counts.load(std::memory_order_relaxed);
    while (!all_counts.compare_exchange_weak(made->next, made, std::memory_order_release,
                                             std::memory_order_relaxed)) {
    }
  }
  return made;
}

thread_local Count* own = nullptr;  // also before and after its owner exists
thread_local bool has_own = false;  // or has had one, or got none

/// Ends with its thread.
struct OwnCount {
  OwnCount() noexcept { own = take_count(); }
  OwnCount(const OwnCount&) = delete;
  OwnCount& operator=(const OwnCount&) = delete;
  ~OwnCount() {
    if (Count* const count = own; count != nullptr) {
      own = nullptr;
      count->has_thread.store(false, std::memory_order_release);
    }
  }
};

[[gnu::noinline]] void make_own() noexcept {
  has_own = true;
  thread_local const OwnCount of_thread;
  static_cast<void>(of_thread);
}

}  // namespace

void ThreadCounts::add(std::int64_t difference) noexcept {
  if (own == nullptr && !has_own) {
    make_own();
  }
  if (own == nullptr) {
    by_others.fetch_add(difference, std::memory_order_relaxed);
    return;
  }
  // No other thread writes it: an addition without the lock of the bus.
  own->number.store(own->number.load(std::memory_order_relaxed) + difference, std::memory_order_relaxed);
}

std::int64_t ThreadCounts::sum() const noexcept {
  std::int64_t sum = by_others.load(std::memory_order_relaxed);
  for (const Count* each = all_counts.load(std::memory_order_acquire); each != nullptr; each = each->next) {
    sum += each->number.load(std::memory_order_relaxed);
  }
  return sum;
}

ThreadCounts& open_views() noexcept {
  static constinit ThreadCounts all;
  return all;
}

}  // namespace locum::c
