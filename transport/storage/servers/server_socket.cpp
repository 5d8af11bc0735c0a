#include "transport/storage/servers/server_socket.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <thread>

namespace locum::storage {

namespace {

using Clock = Deadline::Clock;

// From now on a recv() without MSG_DONTWAIT sleeps: one call of the system instead of two.
bool sleeps_in_recv(int descriptor) {
  const int flags = ::fcntl(descriptor, F_GETFL);
  return flags >= 0 && ::fcntl(descriptor, F_SETFL, flags & ~O_NONBLOCK) == 0;
}

}  // namespace

int milliseconds_until(Clock::time_point moment) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(moment - Clock::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, 1'000'000'000));
}

int connected_socket(const ServerPlace::Address& address, Clock::time_point moment) {
  const int made = ::socket(address.family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (made < 0) {
    return -errno;
  }
  const auto failed = [made](int error_number) {
    ::close(made);
    return -error_number;
  };
  const timeval longest{.tv_sec = 0, .tv_usec = std::chrono::microseconds(longest_sleep_in_recv).count()};
  if (::setsockopt(made, SOL_SOCKET, SO_RCVTIMEO, &longest, sizeof longest) != 0) {
    return failed(errno);  // without it a recv() may sleep for ever
  }
  if (address.family != AF_UNIX) {
    const int on = 1;
    (void)::setsockopt(made, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    (void)::setsockopt(made, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  }
  while (::connect(made, reinterpret_cast<const sockaddr*>(&address.bytes), address.size_bytes) != 0) {
    if (errno == EAGAIN && Clock::now() < moment) {
      // The queue of a socket of this machine is full, and nothing tells when it is not.
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    } else if (errno == EINPROGRESS) {
      pollfd wanted{made, POLLOUT, 0};
      while (::poll(&wanted, 1, milliseconds_until(moment)) <= 0) {
        if (Clock::now() >= moment) {
          return failed(ETIMEDOUT);
        }
      }
      int error_number = 0;
      socklen_t size = sizeof error_number;
      (void)::getsockopt(made, SOL_SOCKET, SO_ERROR, &error_number, &size);
      if (error_number != 0) {
        return failed(error_number);
      }
      break;
    } else if (errno != EINTR) {
      return failed(errno);
    }
  }
  return sleeps_in_recv(made) ? made : failed(errno);
}

}  // namespace locum::storage
