#include "shm/segment/futex.hpp"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <climits>
#include <ctime>

namespace locum::shm {

void futex_wait(Word32& word, std::uint32_t expected, Deadline::Clock::time_point moment) noexcept {
  using std::chrono::nanoseconds;
  constexpr nanoseconds longest = std::chrono::hours(1);
  const auto now = Deadline::Clock::now();
  if (moment <= now) {
    return;
  }
  const nanoseconds left = std::min<nanoseconds>(moment - now, longest);
  timespec timeout{};
  timeout.tv_sec = std::chrono::duration_cast<std::chrono::seconds>(left).count();
  timeout.tv_nsec = static_cast<long>((left % std::chrono::seconds(1)).count());
  ::syscall(SYS_futex, reinterpret_cast<std::uint32_t*>(&word), FUTEX_WAIT, expected, &timeout, nullptr, 0);
}

void futex_wake_all(Word32& word) noexcept {
  ::syscall(SYS_futex, reinterpret_cast<std::uint32_t*>(&word), FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
}

}  // namespace locum::shm
