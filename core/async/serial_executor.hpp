#pragma once

#include <cstddef>
#include <memory>

#include "core/async/continuation.hpp"

namespace locum {

/// Runs continuations one after the other, in the order in which they were added, on a thread that starts
/// with the first and sleeps while there is none. Any thread.
///
/// A continuation may wait in the library for a result that depends on one queued behind it. So once one has
/// taken `longest_alone`, it lets the next ones start on another thread whenever it waits (BlockingWait):
///
/// 1. At most one thread has the *turn*. It takes the next continuation, and keeps the turn until that has
/// ended, or another thread takes the turn while the continuation waits.
/// 2. A continuation that lost its turn in a wait gets it back at the end of that wait, before others start:
/// when the one that has it ends, or waits itself. After `longest_return` it goes on without: the one that
/// has it may wait for a lock that this one holds.
/// 3. There are at most `most_threads`. If as many continuations wait, those behind them start when the wait
/// of one has ended.
class SerialExecutor {
 public:
  static constexpr std::size_t most_threads = 64;

  SerialExecutor();
  SerialExecutor(const SerialExecutor&) = delete;
  SerialExecutor& operator=(const SerialExecutor&) = delete;
  ~SerialExecutor() { close(); }

  /// Schedules it. Does not wait, and needs no memory: if the thread cannot start, it runs with the next one,
  /// or in close(). After close() it runs at once, on the calling thread.
  void add(std::unique_ptr<Continuation> continuation) noexcept;
  /// Runs all that were added, and ends the threads; called on one of them, they end by themselves
  /// afterwards. May be called repeatedly.
  void close() noexcept;

 private:
  class Queue;

  const std::shared_ptr<Queue> queue_;  ///< shared with the threads
};

}  // namespace locum
