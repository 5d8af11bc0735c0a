#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
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
[[nodiscard]] Result<LoadedRecord> record_at(PackFile& file, const PackIndex::Entry& entry,
                                             std::uint64_t last_bytes);
/// Where records are, as the content says at a moment: their entries, and the file of all. A position of 0:
/// there is none of that name.
[[nodiscard]] std::shared_ptr<PackFile> place_in(PackContent& content, std::span<const RecordKey> keys,
                                                 std::span<PackIndex::Entry> entries);
/// The body of that record of the file was seen to be whole, and need not be looked at again.
void note_checked(PackContent& content, const RecordKey& key, const PackFile& file,
                  const PackIndex::Entry& entry);
/// Backend::load() of each, in place.
/// \param place `place(entries)`: place_in(), under the lock of the content; a Result of that
/// \param note `note(key, file, entry)`: note_checked(), under that lock
template <class Place, class Note>
void load_records(std::span<const RecordKey> keys, std::uint64_t last_bytes,
                  std::span<Result<LoadedRecord>> loaded, const Place& place, const Note& note) {
  PackIndex::Entry alone;  // most calls load one
  std::vector<PackIndex::Entry> several(keys.size() > 1 ? keys.size() : 0);
  const std::span entries = keys.size() > 1 ? std::span(several) : std::span(&alone, keys.size());
  const Result<std::shared_ptr<PackFile>> file = place(entries);
  for (std::size_t at = 0; at < keys.size(); ++at) {
    if (!file) {
      loaded[at] = file.error();
    } else if (entries[at].position == 0) {
      loaded[at] = no_such_object();
    } else {
      loaded[at] = record_at(**file, entries[at], last_bytes);
      if (loaded[at] && !entries[at].is_checked) {
        note(keys[at], **file, entries[at]);
      }
    }
  }
}
/// The names in a space that begin with `prefix`.
[[nodiscard]] std::vector<std::string> names_like(PackIndex& index, std::string_view space,
                                                  std::string_view prefix);

}  // namespace locum::storage
