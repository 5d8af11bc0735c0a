#include "tests/shm/kill_levels.hpp"

#include <bit>

#include "shm/segment/entry_tag.hpp"

namespace locum::tests {
namespace {

using shm::Entry;
using shm::EntryState;
using shm::Geometry;
using shm::page_bytes;
using shm::Record;
using shm::Shard;
using shm::Share;
using shm::Word64;

template <class T>
const T* at(const std::byte* base, std::uint64_t offset) {
  return reinterpret_cast<const T*>(base + offset);
}

constexpr std::uint64_t whole_pages(std::uint64_t bytes) {
  return (bytes + page_bytes - 1) / page_bytes * page_bytes;
}

void add_entries(Levels& levels, const std::byte* base, const Geometry& geometry, std::uint32_t rank,
                 std::uint32_t creator) {
  const auto& share = at<Share>(base, geometry.shares_offset())[rank];
  const auto entries = static_cast<std::uint32_t>(share.entries.load());  // the upper half is a check value
  const auto* const entry = at<Entry>(base, geometry.entries_offset(rank));
  for (std::uint32_t slot = 0; slot < entries; ++slot) {
    const std::uint64_t tag = entry[slot].tag.load();
    const auto state = static_cast<EntryState>(tag & 0xFFU);
    if (state == EntryState::tombstone) {
      ++levels.tombstoned[rank];
      levels.nameless += (tag >> 8U & shm::most_ranks) == 0 ? 1 : 0;
    }
    if (!shm::is_sealed(state)) {
      continue;
    }
    levels.moving += state != EntryState::live && state != EntryState::on_disk ? 1 : 0;
    ++levels.live[rank];
    levels.keys.push_back({entry[slot].record.store, creator, (tag >> 32U << 32U) | slot});
    if (entry[slot].record.name_bytes != 0) {
      ++(entry[slot].generation.load() == 0 ? levels.unbound : levels.named);
    }
  }
  const std::uint64_t pin_bytes = std::uint64_t{entries} / 8 * geometry.ranks;
  const auto* const words = at<Word64>(base, geometry.pins_offset(rank));
  for (std::uint64_t word = 0; word < pin_bytes / sizeof(Word64); ++word) {
    constexpr std::uint64_t words_per_line = shm::entries_per_pin_line / 64;
    const std::uint64_t reader = word / words_per_line % geometry.ranks;
    levels.pins[reader] += static_cast<std::uint64_t>(std::popcount(words[word].load()));
  }
  levels.handed_back += share.retired.load() != 0 ? 1 : 0;
  levels.table_bytes += whole_pages(entries * sizeof(Entry)) + whole_pages(pin_bytes);
}

void add_names(Levels& levels, const std::byte* base, const Geometry& geometry, std::uint32_t index) {
  const auto& shard = at<Shard>(base, geometry.shards_offset())[index];
  const auto* const records = at<Record>(base, geometry.records_offset(index));
  for (std::uint32_t record = 0; record < shard.records_used.load(); ++record) {
    levels.records += records[record].hash.load() != 0 ? 1 : 0;
  }
  levels.intents += shard.intent.step.load() != 0 ? 1 : 0;
  levels.changing += shard.sequence.load() % 2;
  levels.table_bytes += whole_pages(shard.records.load() * sizeof(Record)) +
                        whole_pages(shard.buckets.load() * sizeof(shm::Word32));
}

}  // namespace

Levels read_levels(const std::byte* base, const Geometry& geometry, const std::vector<std::uint32_t>& ranks) {
  Levels levels;
  levels.table_bytes = geometry.head_bytes();
  for (std::uint32_t rank = 0; rank < geometry.ranks; ++rank) {
    add_entries(levels, base, geometry, rank, ranks[rank]);
  }
  for (std::uint32_t shard = 0; shard < shm::shard_count; ++shard) {
    add_names(levels, base, geometry, shard);
  }
  return levels;
}

}  // namespace locum::tests
