#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "shm/layout.hpp"

namespace locum::shm {

// An entry's record, word by word: who has no pin may look while the owner fills the entry again. What was
// read is one record if the tag was the same before and after, or if a change of the tag from what it was
// succeeds.
using RecordWords = std::array<std::uint64_t, sizeof(ObjectRecord) / sizeof(std::uint64_t)>;
static_assert(std::atomic_ref<std::uint64_t>::is_always_lock_free);

inline void write_record(Entry& entry, const ObjectRecord& record) noexcept {
  const auto words = std::bit_cast<RecordWords>(record);
  auto* const to = reinterpret_cast<std::uint64_t*>(&entry.record);
  for (std::size_t at = 0; at < words.size(); ++at) {
    std::atomic_ref<std::uint64_t>(to[at]).store(words[at], std::memory_order_relaxed);
  }
}

[[nodiscard]] inline ObjectRecord read_record(Entry& entry) noexcept {
  RecordWords words;
  auto* const from = reinterpret_cast<std::uint64_t*>(&entry.record);
  for (std::size_t at = 0; at < words.size(); ++at) {
    words[at] = std::atomic_ref<std::uint64_t>(from[at]).load(std::memory_order_relaxed);
  }
  return std::bit_cast<ObjectRecord>(words);
}

}  // namespace locum::shm
