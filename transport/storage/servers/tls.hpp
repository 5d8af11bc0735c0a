#pragma once

#include <memory>

#include "core/url.hpp"
#include "core/value/result.hpp"
#include "transport/storage/servers/security.hpp"

namespace locum::storage {

/// TLS from 1.2 on, by OpenSSL. The server has to prove that it is the URL's host, or the one that the option
/// `server_name` names: by a certificate that is signed by one of those in the file `ca`, or by an authority
/// that the system trusts. `cert` and `key`: files with the certificate of this client, and its key. All
/// files are PEM. In a build with the option LOCUM_WITH_TLS.
[[nodiscard]] Result<std::shared_ptr<const Security>> tls_of(const Url& url);

}  // namespace locum::storage
