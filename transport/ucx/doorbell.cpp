#include "transport/ucx/doorbell.hpp"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>

#include "core/value/error.hpp"

namespace locum::ucx {
namespace {

Descriptor opened(int number) {
  if (number < 0) {
    throw system_error("no descriptor to sleep on; `ulimit -n` may be too low", errno);
  }
  return Descriptor(number);
}

void add(int set, int descriptor, unsigned events) {
  epoll_event event{.events = events, .data = {.fd = descriptor}};
  if (::epoll_ctl(set, EPOLL_CTL_ADD, descriptor, &event) != 0) {
    throw system_error("a descriptor cannot be added to epoll", errno);
  }
}

using Left = std::chrono::steady_clock::duration;

Left left_until(std::chrono::steady_clock::time_point moment) {
  return std::clamp<Left>(moment - std::chrono::steady_clock::now(), Left::zero(), std::chrono::hours(24));
}

// Rounded up: a sleep until a moment must not end just before it.
int milliseconds(Left left) {
  return static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(left).count());
}

// Waits until the set is readable: epoll_wait() itself knows milliseconds only. False: a signal ended it.
bool wait_briefly(int set, Left left) {
  pollfd waited{.fd = set, .events = POLLIN, .revents = 0};
  const timespec time{.tv_sec = 0, .tv_nsec = std::chrono::nanoseconds(left).count()};
  return ::ppoll(&waited, 1, &time, nullptr) >= 0;
}

}  // namespace

Doorbell::Doorbell(int worker)
    : worker_(worker),
      bell_(opened(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC))),
      both_(opened(::epoll_create1(EPOLL_CLOEXEC))) {
  add(both_.number(), bell_.number(), EPOLLIN);
  add(both_.number(), worker_, EPOLLONESHOT);
}

void Doorbell::arm() noexcept {
  listen(EPOLLIN | EPOLLONESHOT);
}

void Doorbell::disarm() noexcept {
  listen(EPOLLONESHOT);
}

void Doorbell::listen(unsigned events) noexcept {
  epoll_event event{.events = events, .data = {.fd = worker_}};
  ::epoll_ctl(both_.number(), EPOLL_CTL_MOD, worker_, &event);
}

bool Doorbell::sleep(std::chrono::steady_clock::time_point moment) noexcept {
  constexpr Left brief = std::chrono::milliseconds(1);
  Left left = left_until(moment);
  bool is_interrupted = false;
  if (left > Left::zero() && left < brief) {
    is_interrupted = !wait_briefly(both_.number(), left);
    left = Left::zero();
  }
  std::array<epoll_event, 2> events{};
  const int count =
      ::epoll_wait(both_.number(), events.data(), static_cast<int>(events.size()), milliseconds(left));
  for (int at = 0; at < count; ++at) {
    if (events[static_cast<std::size_t>(at)].data.fd == bell_.number()) {
      eventfd_t rings = 0;
      static_cast<void>(::eventfd_read(bell_.number(), &rings));
    }
  }
  return count != 0 || is_interrupted;
}

void Doorbell::ring() noexcept {
  static_cast<void>(::eventfd_write(bell_.number(), 1));
}

}  // namespace locum::ucx
