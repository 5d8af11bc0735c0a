#pragma once

#include <cstdint>
#include <string_view>

#include <locum/ports/backend.hpp>

namespace locum::backends {

namespace detail {
constexpr BackendTraits memcached_under(std::string_view scheme) {
  return {.scheme = scheme,
          .largest_record = (std::uint64_t{1} << 20U) - 512,
          .longest_name = 200,
          .name_bytes = NameBytes::printable,
          .lists = false,
          .expires = true,
          .is_durable = false};
}
}  // namespace detail

/// Records in a server of Memcached 1.4 or later, which may forget any of them when its memory is full:
/// `memcached://host:11211` or `memcached:/path/of/socket`. These traits are those with its default for the
/// largest item, of which 512 bytes cannot hold a record. Options: `largest`, the bytes of the largest item
/// if the server was started with `-I`; `connections`: at most so many, 64. A record is the value under the
/// key `SPACE:NAME`; a space that has a `:` or more than 33 bytes is `%` and a hash.
inline constexpr BackendTraits memcached = detail::memcached_under("memcached");
/// Memcached over TLS.
inline constexpr BackendTraits memcacheds = detail::memcached_under("memcacheds");

}  // namespace locum::backends
