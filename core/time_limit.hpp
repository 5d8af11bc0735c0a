#pragma once

#include <chrono>

#include <locum/deadline.hpp>

namespace locum {

/// How long a call may take, as a member of its options: a duration from the moment of the call (`{.deadline
/// = 2s}`), a Deadline, or a point of the steady clock. Default-constructed: the default of the store, or of
/// the runtime. A duration becomes a moment when the call is made, so that options can be reused. Cheap to
/// copy.
class TimeLimit {
 public:
  using Clock = Deadline::Clock;

  TimeLimit() = default;
  /// A negative duration is 0; one too long for the clock lasts to the clock's end.
  template <class Rep, class Period>
  TimeLimit(std::chrono::duration<Rep, Period> duration)
      : duration_(std::chrono::duration<double>(duration) >= std::chrono::duration<double>(longest) ? longest
                  : duration <= duration.zero() ? Clock::duration::zero()
                                                : std::chrono::duration_cast<Clock::duration>(duration)) {}
  TimeLimit(Clock::time_point moment) : moment_(moment) {}
  TimeLimit(Deadline deadline) : moment_(deadline) {}

  /// The deadline of a call made now.
  operator Deadline() const { return duration_ < Clock::duration::zero() ? moment_ : Deadline(duration_); }

 private:
  static constexpr Clock::duration longest = Clock::duration::max();

  Deadline moment_;
  Clock::duration duration_{-1};  ///< negative: it is a moment
};

}  // namespace locum
