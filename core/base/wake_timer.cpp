#include "core/base/wake_timer.hpp"

#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <ctime>

#include "core/value/error.hpp"

namespace locum {

WakeTimer::WakeTimer() : timer_(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC)) {
  if (!timer_.is_open()) {
    throw system_error("a timer for the library's thread", errno);
  }
}

void WakeTimer::set(Clock::time_point moment) const noexcept {
  using std::chrono::nanoseconds;
  constexpr std::int64_t second = 1'000'000'000;
  // 0 would turn it off.
  const std::int64_t at =
      std::max<std::int64_t>(1, std::chrono::duration_cast<nanoseconds>(moment.time_since_epoch()).count());
  const itimerspec when{.it_interval = {}, .it_value = {.tv_sec = at / second, .tv_nsec = at % second}};
  static_cast<void>(::timerfd_settime(timer_.number(), TFD_TIMER_ABSTIME, &when, nullptr));
}

void WakeTimer::sleep() const noexcept {
  std::uint64_t times = 0;
  static_cast<void>(::read(timer_.number(), &times, sizeof times));
}

}  // namespace locum
