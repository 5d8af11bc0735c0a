#pragma once

#include <atomic>
#include <chrono>
#include <thread>

namespace locum {

/// Yields the core to the threads that the caller waits for, unless others want it. Beside a thread that
/// computes, a yield lasts as long as the kernel lets that one run, some milliseconds, whereas a thread that
/// sleeps is woken before it. After such a yield this returns false at once, for a hundred times as long, in
/// all threads of the process: the caller then sleeps instead. Any thread.
inline bool quick_yield() noexcept {
  using Clock = std::chrono::steady_clock;
  constexpr std::chrono::microseconds quick{200};
  constexpr int pause = 100;
  static std::atomic<Clock::time_point> next{};
  const Clock::time_point before = Clock::now();
  if (before < next.load(std::memory_order_relaxed)) {
    return false;
  }
  std::this_thread::yield();
  const Clock::duration took = Clock::now() - before;
  if (took > quick) {
    next.store(before + pause * took, std::memory_order_relaxed);
  }
  return true;
}

}  // namespace locum
