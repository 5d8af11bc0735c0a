#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "core/base/back_off.hpp"
#include "core/ports/wait_budget.hpp"
#include "core/value/result.hpp"

namespace locum {
class MemoryMonitor;
}

namespace locum::detail {

class SessionState;

/// One call that stores an object, and waits if the node has no memory for it (RoomPolicy). The call tries
/// and sleeps in turn: begin_try(), Sink::create() by budget(), and if there is no memory, wait(). Each try
/// does all that a call which does not wait does to get memory, except that it does not wait for other
/// processes: it asks them, and the sleep ends when they have returned some.
///
/// Used by the thread that makes the call, which must not be one that serves others.
class RoomWait {
 public:
  using Clock = Deadline::Clock;
  /// Length of the first sleep, and of the longest; bounded because some events wake no thread.
  static constexpr std::chrono::milliseconds first_sleep{1};
  static constexpr std::chrono::milliseconds longest_sleep{20};

  /// \param deadline when the call gives up, by the clock of the session's completions
  RoomWait(SessionState& session, Deadline deadline);

  /// Returns the error `unsupported` if the connector cannot notify when memory is free.
  [[nodiscard]] Result<void> check() const;
  [[nodiscard]] Clock::time_point until() const noexcept { return until_; }
  /// Returns the budget of one try.
  [[nodiscard]] WaitBudget budget() const noexcept;
  /// Begins a try. REQUIRES: check().
  void begin_try() noexcept;
  /// Records that the try has got memory for the object.
  void end_try() noexcept { had_memory_ = true; }
  /// Whether the call got memory for its object in the last try, so that a step after that was refused
  /// memory.
  [[nodiscard]] bool had_memory() const noexcept { return had_memory_; }
  /// Sleeps, after a refused try for that size, until another may succeed. `timeout` at the deadline;
  /// `out_of_memory` at once if no other process can make enough room, because this one's own views take it.
  /// REQUIRES: begin_try() before the try.
  [[nodiscard]] Result<void> wait(const Error& refused, std::uint64_t size_bytes);
  /// Like wait() above, after a later step of the call was refused memory for the library's own tables.
  [[nodiscard]] Result<void> wait(const Error& refused) { return wait(refused, size_bytes_); }

 private:
  [[nodiscard]] std::optional<Error> hopeless(const Error& refused) const;

  SessionState& session_;
  MemoryMonitor* const monitor_;
  const Clock::time_point until_;
  Clock::time_point next_look_ = Clock::time_point::min();  ///< at the own views
  BackOff sleep_{first_sleep, longest_sleep};
  std::uint64_t size_bytes_ = 0;
  std::uint32_t armed_ = 0;
  bool had_memory_ = false;
};

}  // namespace locum::detail
