#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/ports/backend.hpp"
#include "transport/storage/pack/content.hpp"
#include "transport/storage/pack/file.hpp"
#include "transport/storage/pack/index.hpp"

namespace locum::storage {

/// The record of an entry, in place. `corrupt` if its body has not the checksum that its record says; that is
/// looked at unless `entry.is_checked`.
[[nodiscard]] Result<Record> record_at(PackFile& file, const PackIndex::Entry& entry,
                                       std::uint64_t last_bytes);
/// Where a record is, as the content says at a moment.
struct PlacedRecord {
  std::shared_ptr<PackFile> file;
  PackIndex::Entry entry;
};
/// Where the record of that name is, if there is one.
[[nodiscard]] std::optional<PlacedRecord> placed_in(PackContent& content, const RecordKey& key);
/// The body of that record was seen to be whole, and need not be looked at again.
void note_checked(PackContent& content, const RecordKey& key, const PlacedRecord& record);
/// The names in a space that begin with `prefix`.
[[nodiscard]] std::vector<std::string> names_like(PackIndex& index, std::string_view space,
                                                  std::string_view prefix);

}  // namespace locum::storage
