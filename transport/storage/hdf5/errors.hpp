#pragma once

#include <cstdint>
#include <string>

#include "core/value/error.hpp"

namespace locum::storage {

/// Return `corrupt`: `how` the file differs from what was written; the checksum `found` of bytes in it.
[[nodiscard]] Error file_damaged(const std::string& path, const std::string& how, std::string detail = {});
[[nodiscard]] Error other_checksum(const std::string& path, std::uint32_t found, std::uint32_t written);
/// Returns `stale`: the file changed after a proxy of its data was made.
[[nodiscard]] Error file_changed(const std::string& path);
/// Returns `unsupported`. \param newest the newest format that this version reads
[[nodiscard]] Error unknown_format(const std::string& path, std::uint64_t format, std::uint64_t newest);

}  // namespace locum::storage
