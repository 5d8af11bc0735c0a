#include "transport/storage/servers/server_place.hpp"

#include <netdb.h>
#include <sys/un.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <iterator>
#include <system_error>

#include "core/value/error.hpp"

namespace locum::storage {

namespace {

Result<ServerPlace> local_server(const Url& url) {
  // Links stay: a socket with a long path is reached by one.
  std::error_code failed;
  const std::filesystem::path absolute = std::filesystem::absolute(url.path, failed);
  const std::string path = failed ? url.path : absolute.string();
  ServerPlace place{.name = url.scheme + ": at " + path, .host = {}, .addresses = {}, .security = {}};
  sockaddr_un address{};
  if (path.size() >= sizeof address.sun_path) {
    return Error(Errc::invalid_argument, place.name + ": the path of a socket has " +
                                             std::to_string(sizeof address.sun_path - 1) +
                                             " bytes at most; use a link to it");
  }
  address.sun_family = AF_UNIX;
  std::ranges::copy(path, std::begin(address.sun_path));
  ServerPlace::Address& only = place.addresses.emplace_back();
  std::memcpy(&only.bytes, &address, sizeof address);
  only.size_bytes = sizeof address;
  only.family = AF_UNIX;
  return place;
}

Result<ServerPlace> remote_server(const Url& url, std::uint16_t usual_port, bool is_numeric) {
  const std::string host = url.host.empty() ? "127.0.0.1" : url.host;
  const std::string port = std::to_string(url.port == 0 ? usual_port : url.port);
  const bool is_v6 = host.find(':') != std::string::npos;
  ServerPlace place{.name = url.scheme + ": at " + (is_v6 ? '[' + host + ']' : host) + ':' + port,
                    .host = host,
                    .addresses = {},
                    .security = {}};
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = is_numeric ? AI_NUMERICHOST | AI_NUMERICSERV : 0;
  addrinfo* found = nullptr;
  if (const int failed = ::getaddrinfo(host.c_str(), port.c_str(), &hints, &found); failed != 0) {
    return is_numeric
               ? Error(Errc::unsupported, place.name + ": the host is no numeric address",
                       ::gai_strerror(failed))
               : Error(Errc::peer_lost, place.name + ": the host's address is not known; look at its name",
                       ::gai_strerror(failed));
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, &::freeaddrinfo);
  for (const addrinfo* one = found; one != nullptr; one = one->ai_next) {
    ServerPlace::Address& address = place.addresses.emplace_back();
    std::memcpy(&address.bytes, one->ai_addr, one->ai_addrlen);
    address.size_bytes = one->ai_addrlen;
    address.family = one->ai_family;
  }
  return place;
}

}  // namespace

Result<ServerPlace> find_server(const Url& url, std::uint16_t usual_port) {
  if (is_local_server(url)) {
    return local_server(url);
  }
  if (url.host.empty() && url.path.size() > 1) {
    return Error(Errc::invalid_argument, url.scheme + ": the URL has a port, but no host; write " +
                                             url.scheme + "://host:port, or " + url.scheme +
                                             ":/path for a socket of this machine");
  }
  return remote_server(url, usual_port, false);
}

Result<ServerPlace> server_at_address(const Url& url) {
  return remote_server(url, 0, true);
}

}  // namespace locum::storage
