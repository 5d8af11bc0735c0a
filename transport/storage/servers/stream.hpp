#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/value/deadline.hpp"
#include "core/value/error.hpp"
#include "core/value/result.hpp"
#include "transport/storage/servers/security.hpp"
#include "transport/storage/servers/server_place.hpp"

namespace locum::storage {

/// A record of TLS has at most so many bytes.
constexpr std::size_t largest_tls_record = 16384;

/// A connection to a server, which is read and written within deadlines, however slowly the server does its
/// part: `timeout` if it does not in time, `peer_lost` if it cannot be reached or the connection broke,
/// `corrupt` if it sent what its protocol does not have. After any of them it is_broken(), and all calls have
/// the same error. Where the place has a security, what is sent and read goes through a channel of it;
/// connect() has its errors then, too. One thread at a time.
class ServerStream {
 public:
  [[nodiscard]] static Result<ServerStream> connect(const ServerPlace& place, Deadline deadline);
  ServerStream(ServerStream&& other) noexcept;
  ServerStream& operator=(ServerStream&&) = delete;
  ~ServerStream();

  /// Sends these bytes, one after the other.
  [[nodiscard]] Result<void> send(std::span<const std::string_view> parts, Deadline deadline);
  /// The next line, without its end; it is there until the next call. 64 KiB at most.
  [[nodiscard]] Result<std::string_view> line(Deadline deadline);
  /// The next bytes.
  [[nodiscard]] Result<void> read(std::span<std::byte> into, Deadline deadline);
  /// Waits until there is something to read. False: not by then; the connection is as good as before.
  [[nodiscard]] bool arrives(Deadline until) noexcept;

  [[nodiscard]] bool is_broken() const noexcept { return broken_by_.has_value(); }
  /// Whether nothing came that nobody asked for, as the end of the connection does; not asked of one that
  /// answered a moment ago, because the question takes as long as a request.
  [[nodiscard]] bool is_quiet() noexcept;
  /// The error of bytes that the protocol does not have.
  [[nodiscard]] Error garbage(std::string_view what);
  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  /// Whether bytes go over TLS: what one send() sends begins with a record of its own.
  [[nodiscard]] bool is_secured() const noexcept { return channel_ != nullptr; }

 private:
  ServerStream(int descriptor, std::string name);
  [[nodiscard]] Result<void> in_time(Deadline deadline);
  [[nodiscard]] Result<void> wait(short events, Deadline deadline);
  [[nodiscard]] Result<std::size_t> receive(std::span<std::byte> into, Deadline deadline);
  [[nodiscard]] Result<void> secure(const ServerPlace& place, Deadline deadline);
  [[nodiscard]] Result<void> wait(SecureChannel::Wants wants, Deadline deadline);
  [[nodiscard]] Result<void> send_secured(std::span<const std::string_view> parts, Deadline deadline);
  [[nodiscard]] Result<void> write_secured(std::string_view bytes, Deadline deadline);
  [[nodiscard]] Result<std::size_t> receive_secured(std::span<std::byte> into, bool sleeps,
                                                    Deadline deadline);
  [[nodiscard]] bool has_some() noexcept { return begin_ != end_ || (channel_ && channel_->has_some()); }
  [[nodiscard]] Error lost(int error_number);
  [[nodiscard]] Error broken(Error by);

  int descriptor_ = -1;
  std::unique_ptr<SecureChannel> channel_;  ///< null: bytes go as they are
  std::string name_;
  std::optional<Error> broken_by_;
  std::unique_ptr<std::byte[]> buffer_;
  std::size_t begin_ = 0;  ///< of what was received and not read yet
  std::size_t end_ = 0;
  Deadline::Clock::time_point heard_{};
};

/// What a server said, as an error may repeat it: 256 bytes of it at most, and `?` for control characters,
/// which a terminal would obey.
[[nodiscard]] std::string repeatable(std::string_view said);

}  // namespace locum::storage
