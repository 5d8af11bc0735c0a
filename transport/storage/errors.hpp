#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/value/error.hpp"

namespace locum::storage {

// Errors that several backends, wrappers and files return, by cause.

/// Return what storing a record finds: `key_exists`, `stale`.
[[nodiscard]] Error record_exists();
[[nodiscard]] Error other_revision();
/// Returns `value_too_large`. \param holder the scheme or wrapper, which holds records of `most` bytes
[[nodiscard]] Error record_too_large(std::string_view holder, std::uint64_t bytes, std::uint64_t most);
/// Returns `invalid_argument`. \param holder as in "a pack"
[[nodiscard]] Error name_too_long(std::string_view holder, std::uint64_t most);
/// Returns `unsupported`: the `option` of the URL allows no changes.
[[nodiscard]] Error opened_to_read(std::string_view option);
/// Return `system`: `file` needs more bytes than this process may write; its file system has no locks.
[[nodiscard]] Error over_file_limit(std::string_view file, std::uint64_t bytes);
[[nodiscard]] Error no_locks(std::string_view path, std::string detail = {});
/// Returns `not_found`: `thing` ("no pack 'x'") does not exist for a session with the `option` that only
/// reads.
[[nodiscard]] Error not_made_yet(std::string_view thing, std::string_view option);
/// Return `peer_lost`, `system`: what a server replied. \param setting the server's, as in "maxclients"
[[nodiscard]] Error too_many_connections(std::string_view server, std::string_view setting,
                                         std::string reply);
[[nodiscard]] Error refused_by(std::string_view server, std::string reply);

}  // namespace locum::storage
