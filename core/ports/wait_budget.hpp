#pragma once

#include <cstdint>
#include <limits>

#include <locum/deadline.hpp>

namespace locum {

/// Limits of a call: its deadline, the longest wait for one other process, and whether it may do long work
/// itself, such as committing much memory. Made from a deadline it has no other limit.
///
/// A caller that holds up others has a limited budget and passes it on. Under a limited budget a call waits
/// for another process no longer than longest_wait(), and not repeatedly for the same one; it does not wait
/// at all for a resource that would be available later, but fails, with a transient error
/// (Error::is_transient()).
///
/// Two words, passed in registers.
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

  /// Returns a limited budget without a deadline.
  [[nodiscard]] static WaitBudget limited(Duration longest_wait, Work work) noexcept {
    WaitBudget budget;
    const Duration::rep wait = longest_wait.count();
    budget.longest_ms_ = wait < 0 ? 0 : wait < unlimited ? static_cast<std::int32_t>(wait) : unlimited - 1;
    budget.work_ = work;
    return budget;
  }
  /// Returns the budget of a progress step. A rank that is silent for `patience` counts as dead: a fifth of
  /// that is the interval of one liveness probe, and a step may wait more than once.
  [[nodiscard]] static WaitBudget of_step(Duration patience) noexcept {
    return limited(patience / 20, Work::little);
  }
  /// Returns the budget of a background thread: a wait of one of its tasks delays all the others.
  [[nodiscard]] static WaitBudget of_background(Duration patience) noexcept {
    return limited(patience / 20, Work::any);
  }

  /// Returns a budget with the same limits and that deadline.
  [[nodiscard]] WaitBudget until(Deadline deadline) const noexcept {
    WaitBudget budget = *this;
    budget.deadline_ = deadline;
    return budget;
  }

  [[nodiscard]] Deadline deadline() const noexcept { return deadline_; }
  /// Returns whether a single wait is limited, and not only the whole call.
  [[nodiscard]] bool is_limited() const noexcept { return longest_ms_ != unlimited; }
  /// Returns the longest wait for one other process; Duration::max() if not limited.
  [[nodiscard]] Duration longest_wait() const noexcept {
    return is_limited() ? Duration(longest_ms_) : Duration::max();
  }
  /// Returns whether the call may do long work itself, without waiting for another process.
  [[nodiscard]] bool allows_work() const noexcept { return work_ == Work::any; }

 private:
  static constexpr std::int32_t unlimited = std::numeric_limits<std::int32_t>::max();

  Deadline deadline_;
  std::int32_t longest_ms_ = unlimited;
  Work work_ = Work::any;
};
static_assert(sizeof(WaitBudget) == 16);

}  // namespace locum
