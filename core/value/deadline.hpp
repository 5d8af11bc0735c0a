#pragma once

// Of <chrono> locum needs durations, the clocks and their literals. With GCC's library <mutex> brings these;
// the calendar and its streams would take a tenth of the time in which a unit with the public headers
// compiles.
#include <mutex>
#ifndef __GLIBCXX__
#include <chrono>
#endif

namespace locum {

/// The moment at which a call fails with `Errc::timeout`. Made from a duration (`fields.wait<T>("x", 10s)`)
/// or a point of the steady clock; a default-constructed one means the runtime's default
/// (`RuntimeOptions::timeout`), never "for ever". Cheap to copy.
class Deadline {
 public:
  using Clock = std::chrono::steady_clock;

  Deadline() = default;
  template <class Rep, class Period>
  Deadline(std::chrono::duration<Rep, Period> from_now) : moment_(after(from_now)) {}
  Deadline(Clock::time_point moment) : moment_(moment) {}

  [[nodiscard]] bool is_default() const noexcept { return moment_ == none; }
  /// Returns the moment itself, or `now` + `default_timeout` if none was given.
  template <class Rep, class Period>
  [[nodiscard]] Clock::time_point moment(std::chrono::duration<Rep, Period> default_timeout,
                                         Clock::time_point now = Clock::now()) const {
    return is_default() ? after(default_timeout, now) : moment_;
  }

 private:
  // Saturates: "a thousand years" is the end of the clock, not an overflow into the past; a negative duration
  // means now.
  template <class Rep, class Period>
  static Clock::time_point after(std::chrono::duration<Rep, Period> from_now,
                                 Clock::time_point now = Clock::now()) {
    const std::chrono::duration<double> room = Clock::time_point::max() - now;
    if (std::chrono::duration<double>(from_now) >= room) {
      return Clock::time_point::max();
    }
    if (from_now <= from_now.zero()) {
      return now;
    }
    return now + std::chrono::duration_cast<Clock::duration>(from_now);
  }

  // A sentinel value rather than an optional: eight bytes travel in a register, and every get takes a
  // deadline.
  static constexpr Clock::time_point none{Clock::duration{Clock::duration::min().count() + 1}};

  Clock::time_point moment_ = none;
};

/// How long a call may take, as a member of its options: a duration from the moment of the call (`{.deadline
/// = 2s}`), a Deadline, or a point of the steady clock. Default-constructed: the default of the store, or of
/// the runtime. A duration becomes a moment when the call is made, so that options can be reused. Cheap to
/// copy.
class TimeLimit {
 public:
  using Clock = Deadline::Clock;

  TimeLimit() = default;
  /// Takes a duration: a negative one is 0; one too long for the clock lasts to the clock's end.
  template <class Rep, class Period>
  TimeLimit(std::chrono::duration<Rep, Period> duration)
      : duration_(std::chrono::duration<double>(duration) >= std::chrono::duration<double>(longest) ? longest
                  : duration <= duration.zero() ? Clock::duration::zero()
                                                : std::chrono::duration_cast<Clock::duration>(duration)) {}
  TimeLimit(Clock::time_point moment) : moment_(moment) {}
  TimeLimit(Deadline deadline) : moment_(deadline) {}

  /// Returns the deadline of a call made now.
  operator Deadline() const { return duration_.count() < 0 ? moment_ : from_now(); }

 private:
  static constexpr Clock::duration longest = Clock::duration::max();

  [[nodiscard]] Deadline from_now() const;

  Deadline moment_;
  Clock::duration duration_{-1};  ///< negative: it is a moment
};

}  // namespace locum
