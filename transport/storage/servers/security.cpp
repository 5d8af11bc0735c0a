#include "transport/storage/servers/security.hpp"

#include <array>

#include "transport/storage/backend_list.hpp"
#include "transport/storage/servers/tls.hpp"

namespace locum::storage {

namespace {

constexpr std::array<std::string_view, 4> security_options{"ca", "cert", "key", "server_name"};

}  // namespace

bool is_secured(const Url& url) noexcept {
  const KnownBackend* const known = known_backend(url.scheme);
  return known != nullptr && known->option == "LOCUM_WITH_TLS";
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
  const KnownBackend& known = *known_backend(url.scheme);
  return not_in_build(url.scheme, known.option, known.package);
#endif
}

}  // namespace locum::storage
