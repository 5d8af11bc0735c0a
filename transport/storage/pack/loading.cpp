#include "transport/storage/pack/loading.hpp"

#include <algorithm>
#include <utility>

#include "core/base/checksum.hpp"

namespace locum::storage {

Result<LoadedRecord> record_at(PackFile& file, const PackIndex::Entry& entry, std::uint64_t last_bytes) {
  auto mapped = file.map(entry.body_at, entry.body_bytes);
  if (!mapped) {
    return mapped.error();
  }
  if (!entry.is_checked) {
    if (const std::uint32_t sum = checksum(mapped->bytes); sum != entry.body_checksum) {
      return Error(
          Errc::corrupt,
          "the record at byte " + std::to_string(entry.position) + " of the pack is damaged; store it again",
          wrong_checksum(sum, entry.body_checksum));
    }
  }
  const auto shown = std::min<std::uint64_t>(last_bytes, entry.body_bytes);
  return LoadedRecord{std::move(mapped->owner), mapped->bytes.last(shown), entry.body_bytes, entry.revision};
}

std::shared_ptr<PackFile> place_in(PackContent& content, std::span<const RecordKey> keys,
                                   std::span<PackIndex::Entry> entries) {
  PackIndex::Names* names = nullptr;
  for (std::size_t at = 0; at < keys.size(); ++at) {
    if (at == 0 || keys[at].space != keys[at - 1].space) {
      names = content.index.names_in(keys[at].space);
    }
    const PackIndex::Entry* const found = PackIndex::find(names, keys[at].name);
    entries[at] = found == nullptr ? PackIndex::Entry() : *found;
  }
  return content.file;
}

// It may have been replaced, or copied into another file, meanwhile.
void note_checked(PackContent& content, const RecordKey& key, const PackFile& file,
                  const PackIndex::Entry& entry) {
  PackIndex::Entry* const found = content.index.find(key.space, key.name);
  if (found != nullptr && content.file.get() == &file && found->position == entry.position) {
    found->is_checked = true;
  }
}

std::vector<std::string> names_like(PackIndex& index, std::string_view space, std::string_view prefix) {
  std::vector<std::string> found;
  if (const auto* const names = index.names_in(space)) {
    for (const auto& [name, entry] : *names) {
      if (name.starts_with(prefix)) {
        found.push_back(name);
      }
    }
  }
  return found;
}

}  // namespace locum::storage
