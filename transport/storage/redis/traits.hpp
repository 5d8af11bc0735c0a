#pragma once

#include <cstdint>
#include <string_view>

#include <locum/ports/backend.hpp>

namespace locum::backends {

namespace detail {
constexpr BackendTraits redis_under(std::string_view scheme) {
  return {.scheme = scheme,
          .largest_record = (std::uint64_t{512} << 20U) - 64,
          .expires = true,
          .pushes = true,
          .loads_ends = true};
}
}  // namespace detail

/// Records in a server of Redis 4 or later: `redis://user@host:6379/0?password=env:NAME`, or
/// `redis:/path/of/socket?db=0`. With the option `sentinel` the URL leads to a sentinel of Redis, which is
/// asked for the server. Option `connections`: at most so many, 64. A record is the string under the key
/// `SPACE:NAME`; a `:` or `%` of the space is written `%3A`, `%25`.
inline constexpr BackendTraits redis = detail::redis_under("redis");
/// Redis over TLS; Valkey, which speaks the protocol of Redis; Valkey over TLS.
inline constexpr BackendTraits rediss = detail::redis_under("rediss");
inline constexpr BackendTraits valkey = detail::redis_under("valkey");
inline constexpr BackendTraits valkeys = detail::redis_under("valkeys");

}  // namespace locum::backends
