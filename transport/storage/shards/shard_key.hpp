#pragma once

#include <string>
#include <string_view>

#include "core/value/result.hpp"

namespace locum::storage {

/// `invalid_argument` unless a shard may have this key: a name of a file without its ending.
[[nodiscard]] Result<void> check_shard_key(std::string_view key);
/// Returns what a writer of a shard is told whose key another one has: `key_exists`.
[[nodiscard]] Error shard_key_taken();
/// Returns a key that no other shard has.
[[nodiscard]] std::string new_shard_key();

}  // namespace locum::storage
