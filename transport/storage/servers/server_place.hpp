#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/url.hpp"
#include "core/value/result.hpp"
#include "transport/storage/servers/security.hpp"

namespace locum::storage {

/// Where a server listens: a host and a port (`redis://host:6379`), or a socket of this machine
/// (`redis:/run/redis.sock`); and what its connections are secured by.
struct ServerPlace {
  struct Address {
    sockaddr_storage bytes{};
    socklen_t size_bytes = 0;
    int family = 0;
  };
  std::string name;  ///< for errors: "redis: at host:6379"
  std::string host;  ///< empty: a socket of this machine
  std::vector<Address> addresses;
  std::shared_ptr<const Security> security;  ///< null: none, bytes go as they are
};

/// Whether a URL leads to a socket of this machine: it has a path, and neither host nor port.
[[nodiscard]] inline bool is_local_server(const Url& url) noexcept {
  return url.host.empty() && url.port == 0 && !url.path.empty();
}
/// Finds the addresses of a URL's server, by the system's resolver: blocks as long as that does, and so is
/// done when a backend is opened, not when it connects again. The path of a socket that does not begin with a
/// `/` is resolved then, too. `invalid_argument` for a path behind a port without a host.
[[nodiscard]] Result<ServerPlace> find_server(const Url& url, std::uint16_t usual_port);
/// The same of a host that is a numeric address, which needs no resolver; `unsupported` if it is none.
[[nodiscard]] Result<ServerPlace> server_at_address(const Url& url);

}  // namespace locum::storage
