#include "shm/segment/descriptor_channel.hpp"

#include <poll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "core/value/errors.hpp"
#include "shm/segment/kill_point.hpp"

namespace locum::shm {
namespace {

using Clock = Deadline::Clock;
using Token = std::array<std::byte, 16>;

constexpr std::string_view name_prefix = "locum-";
// A connected process sends at once; one that does not must not delay the others.
constexpr std::chrono::seconds longest_silence{1};

struct SocketName {
  sockaddr_un address{};
  socklen_t length = 0;
};

// A name that begins with a null byte is in the abstract namespace: it disappears with the socket.
SocketName socket_name(const Token& name) {
  constexpr const char* digits = "0123456789abcdef";
  SocketName result;
  result.address.sun_family = AF_UNIX;
  char* at = std::copy(name_prefix.begin(), name_prefix.end(), result.address.sun_path + 1);
  for (const std::byte value : name) {
    *at++ = digits[std::to_integer<unsigned>(value) >> 4U];
    *at++ = digits[std::to_integer<unsigned>(value) & 15U];
  }
  result.length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) +
                                         static_cast<std::size_t>(at - result.address.sun_path));
  return result;
}

// For sockets, a wait of zero would mean for ever.
std::chrono::microseconds left_until(Clock::time_point moment) {
  return std::max(std::chrono::ceil<std::chrono::microseconds>(
                      std::min(moment - Clock::now(), Clock::duration(std::chrono::hours(24)))),
                  std::chrono::microseconds(1));
}

Descriptor open_socket() {
  Descriptor socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  if (!socket.is_open()) {
    throw system_error("no socket for passing the node's memory: raise the limit on open files (ulimit -n)",
                       errno);
  }
  return socket;
}

// From here on, no call on this socket lasts beyond `moment`.
void limit_waits(const Descriptor& socket, Clock::time_point moment) {
  const auto left = left_until(moment);
  const timeval limit{.tv_sec = static_cast<time_t>(left.count() / 1'000'000),
                      .tv_usec = static_cast<suseconds_t>(left.count() % 1'000'000)};
  if (::setsockopt(socket.number(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) != 0 ||
      ::setsockopt(socket.number(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) != 0) {
    throw system_error("a time limit of a socket cannot be set", errno);
  }
}

bool same_user(const Descriptor& socket) {
  ucred peer{};
  socklen_t length = sizeof peer;
  return ::getsockopt(socket.number(), SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 &&
         peer.uid == ::geteuid();
}

union ControlBytes {
  cmsghdr header;  // aligns the bytes
  std::array<char, CMSG_SPACE(sizeof(int))> bytes;
};

// Sends the reply with the descriptor; returns the error number, or 0.
int send_descriptor(const Descriptor& socket, Token reply, int descriptor) {
  ControlBytes control{};
  iovec text{.iov_base = reply.data(), .iov_len = reply.size()};
  msghdr message{};
  message.msg_iov = &text;
  message.msg_iovlen = 1;
  message.msg_control = control.bytes.data();
  message.msg_controllen = control.bytes.size();
  cmsghdr* const header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof descriptor);
  std::memcpy(CMSG_DATA(header), &descriptor, sizeof descriptor);
  ssize_t sent = -1;
  do {
    sent = ::sendmsg(socket.number(), &message, MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  return sent == static_cast<ssize_t>(reply.size()) ? 0 : errno;
}

struct Received {
  ssize_t length = -1;  // of the token; -1 with `failure`
  int failure = 0;
  Token token{};
  Descriptor descriptor;
};

Received receive(const Descriptor& socket) {
  Received received;
  ControlBytes control{};
  iovec text{.iov_base = received.token.data(), .iov_len = received.token.size()};
  msghdr message{};
  message.msg_iov = &text;
  message.msg_iovlen = 1;
  message.msg_control = control.bytes.data();
  message.msg_controllen = control.bytes.size();
  do {
    received.length = ::recvmsg(socket.number(), &message, MSG_CMSG_CLOEXEC);
  } while (received.length < 0 && errno == EINTR);
  received.failure = received.length < 0 ? errno : 0;
  const cmsghdr* const header = received.length < 0 ? nullptr : CMSG_FIRSTHDR(&message);
  if (header != nullptr && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS &&
      header->cmsg_len == CMSG_LEN(sizeof(int))) {
    int number = -1;
    std::memcpy(&number, CMSG_DATA(header), sizeof number);
    received.descriptor = Descriptor(number);
  }
  return received;
}

}  // namespace

DescriptorServer::DescriptorServer() : socket_(open_socket()) {
  for (auto* const bytes : {&address_.name, &address_.request, &address_.reply}) {
    // At most 256 bytes: never interrupted, never short.
    if (::getrandom(bytes->data(), bytes->size(), 0) != static_cast<ssize_t>(bytes->size())) {
      throw system_error("the system provides no random numbers", errno);
    }
  }
  const SocketName name = socket_name(address_.name);
  if (::bind(socket_.number(), reinterpret_cast<const sockaddr*>(&name.address), name.length) != 0 ||
      ::listen(socket_.number(), SOMAXCONN) != 0) {
    throw system_error("no socket for passing the node's memory to the other ranks", errno);
  }
}

void DescriptorServer::give(int descriptor, std::uint32_t receivers, Clock::time_point moment) {
  for (std::uint32_t served = 0; served < receivers;) {
    pollfd waiting{.fd = socket_.number(), .events = POLLIN, .revents = 0};
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(left_until(moment));
    const int ready = Clock::now() >= moment ? 0 : ::poll(&waiting, 1, static_cast<int>(left.count()));
    if (ready == 0) {
      throw deadline_passed(std::to_string(receivers - served) + " of " + std::to_string(receivers) +
                                " ranks did not ask for the node's memory",
                            "check whether they are alive and share this machine's network namespace");
    }
    if (ready < 0) {
      if (errno == EINTR) {
        continue;
      }
      throw system_error("waiting for the other ranks of the node failed", errno);
    }
    const Descriptor receiver(::accept4(socket_.number(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!receiver.is_open()) {
      if (errno == EINTR || errno == ECONNABORTED) {
        continue;
      }
      throw system_error(
          "the connection of a rank of the node cannot be accepted: raise the limit on open files (ulimit "
          "-n)",
          errno);
    }
    if (!same_user(receiver)) {
      continue;
    }
    limit_waits(receiver, std::min(moment, Clock::now() + longest_silence));
    LOCUM_KILL_POINT("bootstrap: a rank let in");
    const Received asked = receive(receiver);
    if (asked.length == static_cast<ssize_t>(asked.token.size()) && asked.token == address_.request &&
        send_descriptor(receiver, address_.reply, descriptor) == 0) {
      ++served;
      LOCUM_KILL_POINT("bootstrap: memory passed on");
    }
  }
}

Descriptor receive_descriptor(const ChannelAddress& address, Clock::time_point moment) {
  const Descriptor socket = open_socket();
  limit_waits(socket, moment);
  const SocketName name = socket_name(address.name);
  const auto lost = [](int number) {
    const bool late = number == EAGAIN || number == EWOULDBLOCK || number == EINPROGRESS;
    return Error(
        late ? Errc::timeout : Errc::peer_lost,
        "the first rank of the node does not pass its memory: check whether it is alive and shares this "
        "rank's network namespace",
        std::generic_category().message(number));
  };
  while (::connect(socket.number(), reinterpret_cast<const sockaddr*>(&name.address), name.length) != 0) {
    if (errno != EINTR || Clock::now() >= moment) {
      throw lost(errno == EINTR ? EAGAIN : errno);
    }
  }
  const auto stranger = [] {
    return Error(Errc::corrupt,
                 "a process other than the first rank of the node offers its memory: start the job again");
  };
  if (!same_user(socket)) {
    throw stranger();
  }
  ssize_t sent = -1;
  do {
    sent = ::send(socket.number(), address.request.data(), address.request.size(), MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  if (sent < 0) {
    throw lost(errno);
  }
  LOCUM_KILL_POINT("bootstrap: memory asked for");
  Received received = receive(socket);
  if (received.length <= 0) {
    throw lost(received.failure != 0 ? received.failure : ECONNRESET);
  }
  if (received.length != static_cast<ssize_t>(received.token.size()) || received.token != address.reply) {
    throw stranger();
  }
  if (!received.descriptor.is_open()) {
    throw Error(Errc::system,
                "the descriptor of the node's memory did not arrive: raise the limit on open files "
                "(ulimit -n)");
  }
  LOCUM_KILL_POINT("bootstrap: memory received");
  return std::move(received.descriptor);
}

}  // namespace locum::shm
