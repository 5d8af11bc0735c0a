#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <limits>

#include <locum/deadline.hpp>

namespace locum {

/// What a call may take of its caller's time: until when it may wait in all, how long for one other process
/// at a time, and whether it may itself do what takes long, such as committing much memory. Made from a
/// deadline it limits nothing else.
///
/// A caller that holds up others has a limited budget, and passes it on. Under a limited budget a call waits
/// for another process no longer than longest_wait(), and for the same one not again and again; and not at
/// all for what it could have later: then it is refused, and the error says so (Error::is_transient()).
///
/// A cheap value of two words, which travels in registers.
class WaitBudget {
 public:
  using Clock = Deadline::Clock;
  using Duration = std::chrono::milliseconds;

  enum class Work : std::uint8_t { little, any };

  WaitBudget() = default;
  WaitBudget(Deadline deadline) noexcept : deadline_(deadline) {}
  WaitBudget(Clock::time_point moment) noexcept : deadline_(moment) {}
  template <class Rep, class Period>
  WaitBudget(std::chrono::duration<Rep, Period> from_now) : deadline_(from_now) {}

  /// One without a deadline of its own.
  [[nodiscard]] static WaitBudget limited(Duration longest_wait, Work work) noexcept {
    WaitBudget budget;
    budget.longest_ms_ =
        static_cast<std::int32_t>(std::clamp<Duration::rep>(longest_wait.count(), 0, unlimited - 1));
    budget.work_ = work;
    return budget;
  }
  /// Of a step of the exchange. A rank that says nothing for `patience` counts as dead: a fifth of that is
  /// one question whether it lives, and a step may wait more than once.
  [[nodiscard]] static WaitBudget of_step(Duration patience) noexcept {
    return limited(patience / 20, Work::little);
  }
  /// Of a thread that runs what nobody waits for: what one of them waits for holds up all the rest.
  [[nodiscard]] static WaitBudget of_standby(Duration patience) noexcept {
    return limited(patience / 20, Work::any);
  }

  /// The same limits, until that moment.
  [[nodiscard]] WaitBudget until(Deadline deadline) const noexcept {
    WaitBudget budget = *this;
    budget.deadline_ = deadline;
    return budget;
  }

  [[nodiscard]] Deadline deadline() const noexcept { return deadline_; }
  /// Whether a single wait is limited, and not the whole call alone.
  [[nodiscard]] bool is_limited() const noexcept { return longest_ms_ != unlimited; }
  /// For another process, at a time; Duration::max() where that is not limited.
  [[nodiscard]] Duration longest_wait() const noexcept {
    return is_limited() ? Duration(longest_ms_) : Duration::max();
  }
  /// Whether it may do what takes long by itself, waiting for nobody.
  [[nodiscard]] bool allows_work() const noexcept { return work_ == Work::any; }

 private:
  static constexpr std::int32_t unlimited = std::numeric_limits<std::int32_t>::max();

  Deadline deadline_;
  std::int32_t longest_ms_ = unlimited;
  Work work_ = Work::any;
};
static_assert(sizeof(WaitBudget) == 16);

}  // namespace locum
