#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/ports/backend.hpp"
#include "transport/storage/pack/file.hpp"
#include "transport/storage/pack/index.hpp"

namespace locum::storage {

/// The record of an entry, in place. `corrupt` if its body has not the checksum that its record says; that is
/// looked at unless `entry.is_checked`.
[[nodiscard]] Result<Record> record_at(PackFile& file, const PackIndex::Entry& entry,
                                       std::uint64_t last_bytes);
/// The names in a space that begin with `prefix`.
[[nodiscard]] std::vector<std::string> names_like(PackIndex& index, std::string_view space,
                                                  std::string_view prefix);

}  // namespace locum::storage
