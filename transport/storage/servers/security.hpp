#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/url.hpp"
#include "core/value/result.hpp"

namespace locum::storage {

/// Stands between a connection's socket and its bytes, and encrypts them. No call sleeps, but for one that is
/// told to. Errors are those of ServerStream, and `invalid_argument` if one side does not accept the other.
/// One thread at a time.
class SecureChannel {
 public:
  enum class Wants : std::uint8_t { nothing, to_read, to_write };
  /// How far a call came.
  struct Step {
    std::size_t bytes = 0;         ///< read or written; none, and nothing wanted: the connection is lost
    Wants wants = Wants::nothing;  ///< what the socket has to be ready for before the call is made again
    int error_number = 0;          ///< why it is lost; 0: the server has ended it
  };

  SecureChannel() = default;
  SecureChannel(const SecureChannel&) = delete;
  SecureChannel& operator=(const SecureChannel&) = delete;
  virtual ~SecureChannel() = default;

  /// Makes both sides known to each other: to be called until it wants nothing, before the others.
  [[nodiscard]] virtual Result<Step> shake_hands() = 0;
  /// `sleeps`: once, in recv(), as long as the socket's own limit.
  [[nodiscard]] virtual Result<Step> read(std::span<std::byte> into, bool sleeps) = 0;
  [[nodiscard]] virtual Result<Step> write(std::string_view bytes) = 0;
  /// Whether the next read() has something, if only an error.
  [[nodiscard]] virtual bool has_some() noexcept = 0;
};

/// What the connections to a server are secured by, the same for all of them. Any thread may call.
class Security {
 public:
  Security() = default;
  Security(const Security&) = delete;
  Security& operator=(const Security&) = delete;
  virtual ~Security() = default;

  /// A channel over a connected socket, which has to outlive it. \param host that the server has to be
  /// \param name of the server, for errors
  [[nodiscard]] virtual Result<std::unique_ptr<SecureChannel>> channel(int descriptor,
                                                                       const std::string& host,
                                                                       const std::string& name) const = 0;
};

/// Returns whether servers of that scheme are spoken to over TLS: those that need LOCUM_WITH_TLS.
[[nodiscard]] bool is_secured(const Url& url) noexcept;
/// Adds the options of a URL that say how its connections are secured, if they are.
void add_security_options(const Url& url, std::vector<std::string_view>& names);
/// What they say: null if the scheme's connections are not secured. Reads files. `unsupported` if this build
/// has no TLS.
[[nodiscard]] Result<std::shared_ptr<const Security>> security_of(const Url& url);

}  // namespace locum::storage
