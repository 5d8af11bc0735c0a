#include "core/c/thread_counts.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <exception>
#include <vector>

#include "core/base/mutex.hpp"

namespace locum::c {

namespace {

using Count = std::atomic<std::int64_t>;

/// What all threads have counted.
struct Counted {
  Mutex mutex;
  std::vector<const Count*> by_thread LOCUM_GUARDED_BY(mutex);
  Count by_others{0};  ///< threads that have ended, and those for which there was no memory
};

// Never destroyed: threads may end after static objects.
Counted& counted() noexcept {
  alignas(Counted) static std::array<std::byte, sizeof(Counted)> memory;
  static auto& all = *new (memory.data()) Counted;
  return all;
}

/// What this thread has counted. Only it writes the number.
struct Own {
  Count count{0};

  Own() {
    const MutexLock lock(counted().mutex);
    counted().by_thread.push_back(&count);
  }
  Own(const Own&) = delete;
  Own& operator=(const Own&) = delete;
  ~Own();
};

thread_local Own* own = nullptr;    // also before and after the object exists
thread_local bool has_own = false;  // or has had one, or got none

Own::~Own() {
  own = nullptr;
  const MutexLock lock(counted().mutex);
  counted().by_others.fetch_add(count.load(std::memory_order_relaxed), std::memory_order_relaxed);
  std::erase(counted().by_thread, &count);
}

[[gnu::noinline]] void make_own() noexcept {
  has_own = true;
  try {
    thread_local Own of_thread;
    own = &of_thread;
  } catch (const std::exception&) {
    own = nullptr;
  }
}

}  // namespace

void ThreadCounts::add(std::int64_t difference) noexcept {
  if (own == nullptr && !has_own) {
    make_own();
  }
  if (own == nullptr) {
    counted().by_others.fetch_add(difference, std::memory_order_relaxed);
    return;
  }
  // No other thread writes it: an addition without the lock of the bus.
  own->count.store(own->count.load(std::memory_order_relaxed) + difference, std::memory_order_relaxed);
}

std::int64_t ThreadCounts::sum() const noexcept {
  const MutexLock lock(counted().mutex);
  std::int64_t sum = counted().by_others.load(std::memory_order_relaxed);
  for (const Count* one : counted().by_thread) {
    sum += one->load(std::memory_order_relaxed);
  }
  return sum;
}

ThreadCounts& open_views() noexcept {
  static ThreadCounts all;
  return all;
}

}  // namespace locum::c
