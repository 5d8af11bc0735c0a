#include "tests/shm/fork_group.hpp"

#include <sys/socket.h>
#include <sys/time.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <utility>

namespace locum::tests {
namespace {

constexpr timeval step_limit{.tv_sec = hangs_after_seconds / 2, .tv_usec = 0};

Error lost(int number) {
  return Error(Errc::peer_lost, "a process of the test's group is gone or late", std::strerror(number));
}

void send_all(const Descriptor& socket, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket.number(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent > 0) {
      bytes = bytes.subspan(static_cast<std::size_t>(sent));
    } else if (errno != EINTR) {
      throw lost(errno);
    }
  }
}

void receive_all(const Descriptor& socket, std::span<std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t got = ::recv(socket.number(), bytes.data(), bytes.size(), 0);
    if (got > 0) {
      bytes = bytes.subspan(static_cast<std::size_t>(got));
    } else if (got == 0 || errno != EINTR) {
      throw lost(got == 0 ? ECONNRESET : errno);
    }
  }
}

void send_message(const Descriptor& socket, std::span<const std::byte> bytes) {
  const std::uint64_t size = bytes.size();
  send_all(socket, std::as_bytes(std::span(&size, 1)));
  send_all(socket, bytes);
}

std::vector<std::byte> receive_message(const Descriptor& socket) {
  std::uint64_t size = 0;
  receive_all(socket, std::as_writable_bytes(std::span(&size, 1)));
  std::vector<std::byte> bytes(size);
  receive_all(socket, bytes);
  return bytes;
}

void append(std::vector<std::byte>& to, std::string_view text) {
  const std::uint64_t size = text.size();
  const auto head = std::as_bytes(std::span(&size, 1));
  to.insert(to.end(), head.begin(), head.end());
  const auto body = std::as_bytes(std::span(text));
  to.insert(to.end(), body.begin(), body.end());
}

std::string take(std::span<const std::byte>& from) {
  std::uint64_t size = 0;
  std::memcpy(&size, from.data(), sizeof size);
  std::string text(reinterpret_cast<const char*>(from.data() + sizeof size), size);
  from = from.subspan(sizeof size + size);
  return text;
}

}  // namespace

ForkGroup::ForkGroup(int rank, int size, std::vector<Descriptor> sockets)
    : rank_(rank),
      size_(size),
      sockets_(std::move(sockets)),
      node_of_rank_(static_cast<std::size_t>(size), 0) {
  for (const Descriptor& socket : sockets_) {
    ::setsockopt(socket.number(), SOL_SOCKET, SO_RCVTIMEO, &step_limit, sizeof step_limit);
    ::setsockopt(socket.number(), SOL_SOCKET, SO_SNDTIMEO, &step_limit, sizeof step_limit);
  }
}

// The messages of all ranks, of any sizes, to all ranks.
std::vector<std::vector<std::byte>> ForkGroup::exchange(std::span<const std::byte> mine) {
  std::vector<std::vector<std::byte>> all;
  if (rank_ != 0) {
    send_message(sockets_.front(), mine);
    for (int rank = 0; rank < size_; ++rank) {
      all.push_back(receive_message(sockets_.front()));
    }
    return all;
  }
  all.emplace_back(mine.begin(), mine.end());
  for (const Descriptor& socket : sockets_) {
    all.push_back(receive_message(socket));
  }
  for (const Descriptor& socket : sockets_) {
    for (const std::vector<std::byte>& message : all) {
      send_message(socket, message);
    }
  }
  return all;
}

void ForkGroup::barrier() {
  static_cast<void>(exchange({}));
}

std::vector<std::byte> ForkGroup::all_gather(std::span<const std::byte> mine) {
  std::vector<std::byte> together;
  for (const std::vector<std::byte>& part : exchange(mine)) {
    together.insert(together.end(), part.begin(), part.end());
  }
  return together;
}

std::optional<Error> ForkGroup::agree(const std::optional<Error>& mine) {
  std::vector<std::byte> message;
  if (mine) {
    message.push_back(static_cast<std::byte>(mine->code()));
    append(message, mine->text());
    append(message, mine->detail());
    append(message, mine->key());
  }
  int rank = 0;
  for (const std::vector<std::byte>& part : exchange(message)) {
    if (!part.empty()) {
      std::span<const std::byte> rest = std::span(part).subspan(1);
      const std::string text = take(rest);
      const std::string detail = take(rest);
      const std::string key = take(rest);
      const Error error(static_cast<Errc>(part.front()), text, detail);
      return (key.empty() ? error : error.about(key)).at_rank(rank);
    }
    ++rank;
  }
  return std::nullopt;
}

std::vector<Child> start_group(int size, const std::function<std::string(Group&)>& body) {
  std::vector<Descriptor> first;
  std::vector<Descriptor> others;
  for (int rank = 1; rank < size; ++rank) {
    std::array<int, 2> pair{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()) != 0) {
      throw std::runtime_error("no socket pair for a group of forked processes");
    }
    first.emplace_back(pair[0]);
    others.emplace_back(pair[1]);
  }
  std::vector<Child> children;
  for (int rank = 0; rank < size; ++rank) {
    children.emplace_back([&, rank] {
      // A process closes the sockets of others, so that a death is seen by the process at the other end.
      std::vector<Descriptor> mine;
      if (rank == 0) {
        mine = std::exchange(first, {});
      } else {
        mine.push_back(std::move(others[static_cast<std::size_t>(rank) - 1]));
      }
      first.clear();
      others.clear();
      ForkGroup group(rank, size, std::move(mine));
      return body(group);
    });
  }
  return children;
}

std::vector<Ending> run_group(int size, const std::function<std::string(Group&)>& body) {
  std::vector<Child> children = start_group(size, body);
  std::vector<Ending> exits;
  for (Child& child : children) {
    exits.push_back(child.wait());
  }
  return exits;
}

}  // namespace locum::tests
