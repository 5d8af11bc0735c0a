#pragma once

#include <cstdint>
#include <memory>

#include "core/ports/backend.hpp"
#include "core/url.hpp"

namespace locum::storage {

/// Bytes of an item that a server keeps for itself, its key, and the end of the value (stored_value.hpp).
inline constexpr std::uint64_t memcached_item_overhead = 512;

/// Records in a server of Memcached 1.4 or later, which may forget any of them when its memory is full:
/// `memcached://host:11211` or `memcached:/path/of/socket`; the scheme `memcacheds` is over TLS (tls_of() has
/// its options). Options: `largest`, the bytes of the largest item if the server was started with `-I`;
/// `connections`: at most so many, 64. A record is the value under the key `SPACE:NAME` (see
/// stored_value.hpp); a space that has a `:` or more than 33 bytes is `%` and a hash.
[[nodiscard]] Result<std::shared_ptr<Backend>> open_memcached(const Url& url);

}  // namespace locum::storage
