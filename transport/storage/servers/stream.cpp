#include "transport/storage/servers/stream.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

#include "core/value/errors.hpp"
#include "transport/storage/servers/server_socket.hpp"

namespace locum::storage {

namespace {

using Clock = Deadline::Clock;

constexpr std::size_t buffer_bytes = std::size_t{64} * 1024;
constexpr std::chrono::milliseconds fresh{20};

Clock::time_point moment_of(Deadline deadline) {
  return deadline.moment(std::chrono::seconds(30));
}

Error no_answer(const std::string& name) {
  return deadline_passed(name + " did not reply", "check whether it is overloaded or stopped");
}

Error cannot_reach(const std::string& name, int error_number) {
  if (error_number == EMFILE || error_number == ENFILE) {
    return Error(Errc::system,
                 name +
                     ": no more files can be opened for a connection; raise 'ulimit -n', or give the URL a "
                     "smaller number by the option connections",
                 std::strerror(error_number));
  }
  return Error(Errc::peer_lost, name + " cannot be reached; check whether the server runs there",
               std::strerror(error_number));
}

}  // namespace

ServerStream::ServerStream(int descriptor, std::string name)
    : descriptor_(descriptor), name_(std::move(name)), buffer_(new std::byte[buffer_bytes]) {}

ServerStream::ServerStream(ServerStream&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      channel_(std::move(other.channel_)),
      name_(std::move(other.name_)),
      broken_by_(std::move(other.broken_by_)),
      buffer_(std::move(other.buffer_)),
      begin_(other.begin_),
      end_(other.end_),
      heard_(other.heard_) {}

ServerStream::~ServerStream() {
  channel_.reset();
  if (descriptor_ >= 0) {
    ::close(descriptor_);
  }
}

Result<ServerStream> ServerStream::connect(const ServerPlace& place, Deadline deadline) {
  const auto moment = moment_of(deadline);
  int error_number = EHOSTUNREACH;
  for (std::size_t at = 0; at < place.addresses.size(); ++at) {
    // One that does not answer leaves time for the others.
    const auto now = Clock::now();
    const auto share = (moment - now) / static_cast<std::int64_t>(place.addresses.size() - at);
    const int made = connected_socket(place.addresses[at], now + share);
    if (made >= 0) {
      ServerStream stream(made, place.name);
      const auto secured = place.security ? stream.secure(place, deadline) : Result<void>();
      return secured ? Result<ServerStream>(std::move(stream)) : secured.error();
    }
    error_number = -made;
  }
  return error_number == ETIMEDOUT || error_number == EAGAIN ? no_answer(place.name)
                                                             : cannot_reach(place.name, error_number);
}

Error ServerStream::broken(Error by) {
  broken_by_ = by;
  return by;
}

Error ServerStream::lost(int error_number) {
  const bool was_heard = heard_ != Clock::time_point();
  return broken(Error(
      Errc::peer_lost,
      name_ + (was_heard  ? ": the connection was lost; try again when the server runs"
               : channel_ ? ": the connection was lost before the first reply; try again when the "
                            "server runs, and check whether it accepts this client's certificate (cert=PATH)"
                          : ": the connection was lost before the first reply; try again when the "
                            "server runs, and check whether it expects TLS"),
      error_number == 0 ? "the server closed it" : std::strerror(error_number)));
}

Error ServerStream::garbage(std::string_view what) {
  return broken(Error(Errc::corrupt, name_ + ": the server sent " + std::string(what) +
                                         ", which is not its protocol; check whether it is a server of that "
                                         "kind"));
}

bool ServerStream::arrives(Deadline until) noexcept {
  if (has_some()) {
    return true;
  }
  const auto moment = moment_of(until);
  while (true) {
    pollfd wanted{descriptor_, POLLIN, 0};
    const int ready = ::poll(&wanted, 1, milliseconds_until(moment));
    if (ready > 0 && channel_ && !has_some()) {  // but part of it, or something of the channel's own
      if (Clock::now() >= moment) {
        return false;
      }
      continue;
    }
    if (ready > 0 || (ready == 0 && Clock::now() >= moment) || (ready < 0 && errno != EINTR)) {
      return ready != 0;
    }
  }
}

bool ServerStream::is_quiet() noexcept {
  const auto now = Clock::now();
  return !is_broken() && ((begin_ == end_ && now - heard_ < fresh) || !arrives(now));
}

// A server that always has something, or always takes something, gets no more time than others.
Result<void> ServerStream::in_time(Deadline deadline) {
  return Clock::now() < moment_of(deadline) ? Result<void>() : Result<void>(broken(no_answer(name_)));
}

Result<void> ServerStream::wait(short events, Deadline deadline) {
  const auto moment = moment_of(deadline);
  while (true) {
    pollfd wanted{descriptor_, events, 0};
    const int ready = ::poll(&wanted, 1, milliseconds_until(moment));
    if (ready > 0) {
      return {};  // what went wrong, if something did, the next call on the socket tells
    }
    if (ready < 0 && errno != EINTR) {
      return lost(errno);
    }
    if (Clock::now() >= moment) {
      return broken(no_answer(name_));  // a late one would be taken for that of the next request
    }
  }
}

Result<void> ServerStream::send(std::span<const std::string_view> parts, Deadline deadline) {
  if (broken_by_) {
    return *broken_by_;
  }
  if (channel_) {
    return send_secured(parts, deadline);
  }
  std::size_t sent = 0;  // of the first part
  while (!parts.empty()) {
    std::array<iovec, 64> pieces;
    std::size_t count = 0;
    for (; count < std::min(pieces.size(), parts.size()); ++count) {
      const std::string_view part = count == 0 ? parts[0].substr(sent) : parts[count];
      pieces[count] = {const_cast<char*>(part.data()), part.size()};
    }
    msghdr message{};
    message.msg_iov = pieces.data();
    message.msg_iovlen = count;
    const ssize_t done = ::sendmsg(descriptor_, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (done < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      if (auto ready = wait(POLLOUT, deadline); !ready) {
        return ready;
      }
    } else if (done < 0 && errno != EINTR) {
      return lost(errno);
    }
    for (sent += static_cast<std::size_t>(std::max<ssize_t>(done, 0));
         !parts.empty() && sent >= parts[0].size(); parts = parts.subspan(1)) {
      sent -= parts[0].size();
    }
    if (auto time = parts.empty() ? Result<void>() : in_time(deadline); !time) {
      return time;
    }
  }
  return {};
}

Result<std::size_t> ServerStream::receive(std::span<std::byte> into, Deadline deadline) {
  while (true) {
    if (broken_by_) {
      return *broken_by_;
    }
    if (auto time = in_time(deadline); !time) {
      return time.error();
    }
    const bool sleeps = moment_of(deadline) - Clock::now() > longest_sleep_in_recv;
    if (channel_) {
      return receive_secured(into, sleeps, deadline);
    }
    const ssize_t got = ::recv(descriptor_, into.data(), into.size(), sleeps ? 0 : MSG_DONTWAIT);
    if (got > 0) {
      heard_ = Clock::now();
      return static_cast<std::size_t>(got);
    }
    if (got == 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)) {
      return lost(got == 0 ? 0 : errno);
    }
    if (auto ready = wait(POLLIN, deadline); !ready) {
      return ready.error();
    }
  }
}

Result<void> ServerStream::secure(const ServerPlace& place, Deadline deadline) {
  auto made = place.security->channel(descriptor_, place.host, name_);
  if (!made) {
    return made.error();
  }
  channel_ = std::move(*made);
  while (true) {
    const auto step = channel_->shake_hands();
    if (!step || step->wants == SecureChannel::Wants::nothing) {
      return step ? Result<void>() : Result<void>(broken(step.error()));
    }
    if (auto ready = wait(step->wants, deadline); !ready) {
      return ready.error().code() == Errc::timeout
                 ? broken(deadline_passed(name_ + " did not secure the connection",
                                          "check whether it expects TLS on that port"))
                 : ready.error();
    }
  }
}

Result<void> ServerStream::wait(SecureChannel::Wants wants, Deadline deadline) {
  auto time = in_time(deadline);
  return time ? wait(static_cast<short>(wants == SecureChannel::Wants::to_read ? POLLIN : POLLOUT), deadline)
              : time;
}

Result<void> ServerStream::write_secured(std::string_view bytes, Deadline deadline) {
  while (!bytes.empty()) {
    const auto step = channel_->write(bytes);
    if (!step) {
      return broken(step.error());
    }
    if (step->bytes == 0 && step->wants == SecureChannel::Wants::nothing) {
      return lost(step->error_number);
    }
    bytes.remove_prefix(step->bytes);
    auto ready = step->wants != SecureChannel::Wants::nothing ? wait(step->wants, deadline)
                 : !bytes.empty()                             ? in_time(deadline)
                                                              : Result<void>();
    if (!ready) {
      return ready;
    }
  }
  return {};
}

// Parts go together as far as a record of TLS has room, since each of those is a call of the system.
Result<void> ServerStream::send_secured(std::span<const std::string_view> parts, Deadline deadline) {
  constexpr std::size_t most = largest_tls_record;
  std::string record;
  for (std::string_view part : parts) {
    while (!part.empty()) {
      const std::string_view some = part.substr(0, most - record.size());
      part.remove_prefix(some.size());
      record += some;
      if (record.size() == most) {
        if (auto written = write_secured(record, deadline); !written) {
          return written;
        }
        record.clear();
      }
    }
  }
  return write_secured(record, deadline);
}

Result<std::size_t> ServerStream::receive_secured(std::span<std::byte> into, bool sleeps, Deadline deadline) {
  while (true) {
    const auto step = channel_->read(into, std::exchange(sleeps, false));
    if (!step) {
      return broken(step.error());
    }
    if (step->bytes > 0) {
      heard_ = Clock::now();
      return step->bytes;
    }
    if (step->wants == SecureChannel::Wants::nothing) {
      return lost(step->error_number);
    }
    if (auto ready = wait(step->wants, deadline); !ready) {
      return ready.error();
    }
  }
}

Result<std::string_view> ServerStream::line(Deadline deadline) {
  std::size_t looked = begin_;
  while (true) {
    const auto* const first = reinterpret_cast<const char*>(buffer_.get());
    if (const void* const end = std::memchr(first + looked, '\n', end_ - looked)) {
      const std::string_view whole(first + begin_, static_cast<const char*>(end));
      begin_ += whole.size() + 1;
      if (!whole.ends_with('\r')) {
        return garbage("a line without its end");
      }
      return whole.substr(0, whole.size() - 1);
    }
    if (begin_ == end_) {
      begin_ = end_ = 0;
    } else if (end_ == buffer_bytes) {
      if (begin_ == 0) {
        return garbage("a line of more than 64 KiB");
      }
      std::memmove(buffer_.get(), buffer_.get() + begin_, end_ - begin_);
      end_ -= std::exchange(begin_, 0);
    }
    looked = end_;
    const auto got = receive({buffer_.get() + end_, buffer_bytes - end_}, deadline);
    if (!got) {
      return got.error();
    }
    end_ += *got;
  }
}

std::string repeatable(std::string_view said) {
  constexpr std::size_t most = 256;
  std::string text(said.substr(0, most));
  std::ranges::replace_if(
      text, [](char one) { return static_cast<unsigned char>(one) < 0x20 || one == 0x7F; }, '?');
  return said.size() > most ? text + "..." : text;
}

Result<void> ServerStream::read(std::span<std::byte> into, Deadline deadline) {
  while (!into.empty()) {
    if (begin_ != end_) {
      const std::size_t some = std::min(into.size(), end_ - begin_);
      std::memcpy(into.data(), buffer_.get() + begin_, some);
      begin_ += some;
      into = into.subspan(some);
      continue;
    }
    begin_ = end_ = 0;
    // Much goes where it belongs at once; with little comes what follows it.
    const bool is_much = into.size() >= buffer_bytes / 4;
    const auto got = receive(is_much ? into : std::span(buffer_.get(), buffer_bytes), deadline);
    if (!got) {
      return got.error();
    }
    if (is_much) {
      into = into.subspan(*got);
    } else {
      end_ = *got;
    }
  }
  return {};
}

}  // namespace locum::storage
