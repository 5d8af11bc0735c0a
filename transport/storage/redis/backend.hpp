#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "core/ports/backend.hpp"
#include "core/url.hpp"

namespace locum::storage {

/// Records in a server of Redis 4 or later, or Valkey: `redis://user@host:6379/0?password=env:NAME`, or
/// `redis:/path/of/socket?db=0`; the schemes `rediss` and `valkeys` are over TLS (tls_of() has their
/// options). With the option `sentinel` the URL leads to a sentinel of Redis, which is asked for the server
/// (RedisSentinels). Option `connections`: at most so many, 64. A record is the string under the key
/// `SPACE:NAME` (see stored_value.hpp); a `:` or `%` of the space is written `%3A`, `%25`.
[[nodiscard]] Result<std::shared_ptr<Backend>> open_redis(const Url& url);

}  // namespace locum::storage
