#include "transport/storage/servers/security.hpp"

#include <array>

#include "core/value/error.hpp"
#include "transport/storage/servers/tls.hpp"

namespace locum::storage {

namespace {

constexpr std::array<std::string_view, 4> security_options{"ca", "cert", "key", "server_name"};

}  // namespace

bool is_secured(const Url& url) noexcept {
  return url.scheme == "rediss" || url.scheme == "valkeys" || url.scheme == "memcacheds";
}

void add_security_options(const Url& url, std::vector<std::string_view>& names) {
  if (is_secured(url)) {
    names.insert(names.end(), security_options.begin(), security_options.end());
  }
}

Result<std::shared_ptr<const Security>> security_of(const Url& url) {
  if (!is_secured(url)) {
    return std::shared_ptr<const Security>();
  }
#if LOCUM_WITH_TLS
  return tls_of(url);
#else
  return Error(Errc::unsupported, url.scheme +
                                      ": is not in this build of the library; build it with "
                                      "-DLOCUM_WITH_TLS=ON, which needs the package libssl-dev");
#endif
}

}  // namespace locum::storage
