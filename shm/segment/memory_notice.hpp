#pragma once

#include <cstdint>

#include "shm/segment/layout.hpp"

namespace locum::shm {

/// How threads that wait for memory of the node are woken. Who waits sets the flag `memory_awaited`, looks
/// for memory, and sleeps on `memory_freed` if there is none. Who makes memory free looks at the flag
/// afterwards; if it is set, clears it, counts `memory_freed` up, and wakes all that sleep. So it costs one
/// load while nobody waits, and one system call for each look of a thread that does, however much becomes
/// free.
///
/// 1. No notice is lost: the waiting thread reads the count, sets the flag and then looks for memory; the
/// other one makes memory free and then reads the flag, all sequentially consistent. So either the look finds
/// the memory, or the flag is seen, and the count differs from the one that was read before.
/// 2. A waiting process that dies leaves the flag set, which costs the next notice one system call.
/// 3. A process that dies between clearing the flag and counting up loses a notice: who waits looks again
/// every so often.

/// A thread is about to look for memory; returns the count to sleep on.
[[nodiscard]] inline std::uint32_t await_memory(SegmentHeader& header) noexcept {
  const std::uint32_t freed = header.memory_freed.load();
  header.memory_awaited.store(1);
  return freed;
}

/// Wakes the threads that wait.
void wake_memory_waiters(SegmentHeader& header) noexcept;

/// Memory has become free, or can be collected now.
inline void notify_memory(SegmentHeader& header) noexcept {
  if (header.memory_awaited.load() != 0) [[unlikely]] {
    wake_memory_waiters(header);
  }
}

}  // namespace locum::shm
