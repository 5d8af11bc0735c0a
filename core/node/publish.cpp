#include "core/node/publish.hpp"

#include <cstring>

#include "core/base/wall_clock.hpp"
#include "core/object/object_tail.hpp"

namespace locum {

// Built at once: filling fields that share a word one after another would serialise the stores.
[[gnu::hot]] ObjectRecord record_of(const ObjectMeta& meta, std::uint64_t offset, std::uint64_t size_bytes) {
  // A single extent follows from the size: a small array need not store it.
  const bool implied = meta.layout == Layout::array && meta.extents.rank == 1;
  return {.offset = offset,
          .size_bytes = size_bytes,
          .type_hash = meta.type_hash,
          .name_hash = meta.name.empty() ? 0 : name_hash(meta.store, meta.name),
          .store = meta.store,
          .name_bytes = static_cast<std::uint32_t>(meta.name.size()) & 0x1FFFFU,
          .type_name_bytes = static_cast<std::uint16_t>(meta.type_name.size()),
          .rank = static_cast<std::uint8_t>((implied ? 0U : meta.extents.rank) & 0xFU),
          .extra_words = static_cast<std::uint8_t>((meta.checksum ? ObjectRecord::checksum_words : 0U) |
                                                   (meta.lifetime_ms != 0 ? ObjectRecord::expiry_words : 0U)),
          .layout = meta.layout};
}

namespace {

// The checksum is of the moment, too. Out of line, because most objects have neither.
[[gnu::cold, gnu::noinline]] void complete_tail(std::byte* block, const ObjectRecord& record,
                                                std::uint64_t lifetime_ms) {
  if (record.has_expiry()) {
    write_expiry(block, record, moment_after(lifetime_ms));
  }
  if (record.has_checksum()) {
    const std::uint32_t sum = checksum_of(block, record);
    std::memcpy(block + checksum_at(record), &sum, sizeof sum);
  }
}

}  // namespace

[[gnu::hot]] Result<Key> publish(NodeTable& table, Arena& arena, const ObjectDraft& draft) {
  const ObjectRecord record = record_of(draft.meta, draft.place, draft.bytes.size());
  if (record.extra_words != 0) [[unlikely]] {
    complete_tail(arena.data(record.offset), record, draft.meta.lifetime_ms);
  }
  auto key = table.publish(record);
  if (!key) {
    key = key.error().about(draft.meta.name);  // the draft owns the name
    discard(table, arena, draft);
  }
  return key;
}

void discard(NodeTable& table, Arena& arena, const ObjectDraft& draft) noexcept {
  const std::uint64_t bytes = record_of(draft.meta, draft.place, draft.bytes.size()).block_bytes();
  arena.free({draft.place, bytes});
  if (StoreAccounts* const accounts = table.accounts(); accounts != nullptr && accounts->any()) [[unlikely]] {
    accounts->give_back(draft.meta.store, bytes);
  }
}

}  // namespace locum
