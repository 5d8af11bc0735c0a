#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "shm/segment/layout.hpp"

namespace locum::shm {

// Access to an entry's record word by word: readers without a pin may race with the owner refilling the
// entry. The words read are one record if the tag was the same before and after, or if a compare-exchange of
// the tag succeeds. The words are assembled and split in registers: loading as a word what was just stored
// field by field, or the reverse, would stall until the stores have reached the cache.
using RecordWords = std::array<std::uint64_t, sizeof(ObjectRecord) / sizeof(std::uint64_t)>;
static_assert(std::atomic_ref<std::uint64_t>::is_always_lock_free);

inline void write_record(Entry& entry, const ObjectRecord& record, std::uint32_t check) noexcept {
  const RecordWords words{
      record.offset,
      record.size_bytes,
      record.type_hash,
      record.name_hash,
      record.store | (std::uint64_t{record.name_bytes} << 32U) | (std::uint64_t{check} << 49U),
      std::uint64_t{record.type_name_bytes} | (std::uint64_t{record.rank} << 16U) |
          (std::uint64_t{record.extra_words} << 20U) | (static_cast<std::uint64_t>(record.layout) << 24U)};
  auto* const to = reinterpret_cast<std::uint64_t*>(&entry.record);
  for (std::size_t at = 0; at < words.size(); ++at) {
    std::atomic_ref<std::uint64_t>(to[at]).store(words[at], std::memory_order_relaxed);
  }
}

[[nodiscard]] inline ObjectRecord read_record(Entry& entry) noexcept {
  auto* const from = reinterpret_cast<std::uint64_t*>(&entry.record);
  const auto word = [from](std::size_t at) {
    return std::atomic_ref<std::uint64_t>(from[at]).load(std::memory_order_relaxed);
  };
  const std::uint64_t names = word(4);
  const std::uint64_t rest = word(5);
  ObjectRecord record;
  record.offset = word(0);
  record.size_bytes = word(1);
  record.type_hash = word(2);
  record.name_hash = word(3);
  record.store = static_cast<std::uint32_t>(names);
  record.name_bytes = static_cast<std::uint32_t>(names >> 32U) & 0x1FFFFU;
  record.check = static_cast<std::uint32_t>(names >> 49U) & 0x7FFFU;
  record.type_name_bytes = static_cast<std::uint16_t>(rest);
  record.rank = (rest >> 16U) & 0xFU;
  record.extra_words = (rest >> 20U) & 0xFU;
  record.layout = static_cast<Layout>(rest >> 24U);
  record.link = static_cast<std::uint32_t>(rest >> 32U);
  return record;
}

}  // namespace locum::shm
