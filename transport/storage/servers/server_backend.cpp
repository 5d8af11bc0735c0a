#include "transport/storage/servers/server_backend.hpp"

namespace locum::storage {

Error perhaps_changed(const Error& error) {
  return is_lost(error) || error.code() == Errc::timeout
             ? Error(error.code(),
                     error.text() + "; the change may or may not have been made: look before you repeat it",
                     error.detail())
             : error;
}

Result<std::uint32_t> most_connections(const Url& url) {
  const auto connections = url.number("connections", 64);
  if (!connections) {
    return connections.error();
  }
  if (*connections == 0 || *connections > 10'000) {
    return Error(Errc::invalid_argument, "the URL's option connections is a number from 1 to 10000");
  }
  return static_cast<std::uint32_t>(*connections);
}

}  // namespace locum::storage
