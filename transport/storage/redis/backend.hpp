#pragma once

#include <memory>

#include "core/ports/backend.hpp"
#include "core/url.hpp"

namespace locum::storage {

inline constexpr BackendTraits redis_traits{
    .scheme = "redis", .largest_record = (std::uint64_t{512} << 20U) - 64, .expires = true, .pushes = true};
/// Redis by another name, to whoever asks it.
inline constexpr BackendTraits valkey_traits{
    .scheme = "valkey", .largest_record = redis_traits.largest_record, .expires = true, .pushes = true};

/// Records in a server of Redis 4 or later, or Valkey: `redis://user@host:6379/0?password=env:NAME`, or
/// `redis:/path/of/socket?db=0`. Option `connections`: at most so many, 64. A record is the string under the
/// key `SPACE:NAME` (see stored_value.hpp); a `:` or `%` of the space is written `%3A`, `%25`.
[[nodiscard]] Result<std::shared_ptr<Backend>> open_redis(const Url& url);
[[nodiscard]] Result<std::shared_ptr<Backend>> open_valkey(const Url& url);

}  // namespace locum::storage
