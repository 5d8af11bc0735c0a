#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>

namespace locum {

/// For how long no thread of the process yields after a yield of that duration. A longer one than the kernel
/// lets another thread run is that of a process which was stopped, by a debugger or by a batch system that
/// suspends jobs, or of one that was swapped out: it tells nothing of the core, and counts as 20 ms.
[[nodiscard]] constexpr std::chrono::steady_clock::duration pause_behind_yield(
    std::chrono::steady_clock::duration yield) noexcept {
  constexpr std::chrono::steady_clock::duration longest = std::chrono::milliseconds(20);
  constexpr int times = 100;
  return times * std::min(yield, longest);
}

/// Yields the core to the threads that the caller waits for, unless others want it. Beside a thread that
/// computes, a yield lasts as long as the kernel lets that one run, some milliseconds, whereas a thread that
/// sleeps is woken before it. After such a yield this returns false at once, for pause_behind_yield(), in all
/// threads of the process: the caller then sleeps instead. Any thread.
inline bool quick_yield() noexcept {
  using Clock = std::chrono::steady_clock;
  constexpr std::chrono::microseconds quick{200};
  static std::atomic<Clock::time_point> next{};
  const Clock::time_point before = Clock::now();
  if (before < next.load(std::memory_order_relaxed)) {
    return false;
  }
  std::this_thread::yield();
  const Clock::duration took = Clock::now() - before;
  if (took > quick) {
    next.store(before + pause_behind_yield(took), std::memory_order_relaxed);
  }
  return true;
}

}  // namespace locum
