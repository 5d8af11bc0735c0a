// The memory of a node, as bytes, after two ranks have put, named, pinned, evicted and replaced objects. It
// is read as docs/memory_layout.md says, by positions that are defined only here.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/value/options.hpp"
#include "shm/segment/segment.hpp"
#include "tests/core/connector_samples.hpp"
#include "tests/golden/golden.hpp"
#include "tests/shm/cluster_on_node.hpp"

namespace locum::tests::golden_memory_test {
namespace {

using shm::Geometry;
using shm::Segment;

constexpr std::uint32_t store = 7;
constexpr std::uint32_t ranks = 2;
constexpr std::uint64_t header_bytes = 128;
constexpr std::uint64_t shard_bytes = 128;
constexpr std::uint64_t share_bytes = 128;
constexpr std::uint64_t shards = 64;
constexpr std::uint64_t mutex_bytes = 40;
constexpr std::uint64_t entry_bytes = 64;
constexpr std::uint64_t record_bytes = 32;

/// The memory of a segment, read without the library's classes.
class Memory {
 public:
  explicit Memory(const Segment& segment) : segment_(segment) {}

  [[nodiscard]] std::span<const std::byte> at(std::uint64_t offset, std::uint64_t bytes) const {
    return {segment_.base() + offset, bytes};
  }
  template <class T>
  [[nodiscard]] T word(std::uint64_t offset) const {
    T value;
    std::memcpy(&value, segment_.base() + offset, sizeof value);
    return value;
  }

 private:
  const Segment& segment_;
};

void show(std::string& text, const std::string& title, std::span<const std::byte> bytes) {
  text += title + '\n' + hex_lines(bytes);
}

[[nodiscard]] bool is_zero(std::span<const std::byte> bytes) {
  return std::ranges::all_of(bytes, [](std::byte byte) { return byte == std::byte{}; });
}

std::string dump(const Memory& memory, const Geometry& geometry) {
  std::string text = "== header: all but pressure and given_back\n";
  show(text, "0 to 55", memory.at(0, 56));
  show(text, "64 to 127", memory.at(64, 64));

  text +=
      "\n== positions: shards, shares, then of each shard records and buckets, of each rank entries, pins, "
      "arena\n";
  for (const std::uint64_t offset :
       {geometry.shards_offset(), geometry.shares_offset(), geometry.records_offset(0),
        geometry.buckets_offset(0), geometry.records_offset(63), geometry.entries_offset(0),
        geometry.pins_offset(0), geometry.arena_offset(0), geometry.entries_offset(1),
        geometry.pins_offset(1), geometry.arena_offset(1), geometry.total_bytes()}) {
    text += "  " + std::to_string(offset) + '\n';
  }

  for (std::uint64_t shard = 0; shard < shards; ++shard) {
    const std::uint64_t at = header_bytes + shard * shard_bytes;
    if (memory.word<std::uint32_t>(at + 56) == 0) {
      continue;
    }
    const auto number = static_cast<std::uint32_t>(shard);
    text += "\n== shard " + std::to_string(shard) + ": what follows its lock; used records; buckets in use\n";
    show(text, "40 to 127", memory.at(at + mutex_bytes, shard_bytes - mutex_bytes));
    show(text, "records",
         memory.at(geometry.records_offset(number), record_bytes * memory.word<std::uint32_t>(at + 56)));
    for (std::uint64_t bucket = 0; bucket < memory.word<std::uint32_t>(at + 48); ++bucket) {
      const auto head = memory.word<std::uint32_t>(geometry.buckets_offset(number) + 4 * bucket);
      if (head != 0) {
        text += "bucket " + std::to_string(bucket) + ": " + std::to_string(head) + '\n';
      }
    }
  }

  for (std::uint32_t rank = 0; rank < ranks; ++rank) {
    const std::uint64_t share = header_bytes + shards * shard_bytes + rank * share_bytes;
    text += "\n== rank " + std::to_string(rank) + ": its share behind `life`; entries, pins and blocks\n";
    show(text, "share, 40 to 47", memory.at(share + mutex_bytes, 8));
    show(text, "share, 56 to 63", memory.at(share + 56, 8));
    show(text, "share, 96 to 127", memory.at(share + 96, 32));
    const auto committed = memory.word<std::uint32_t>(share + 48);
    for (std::uint32_t slot = 0; slot < committed; ++slot) {
      const std::uint64_t entry = geometry.entries_offset(rank) + slot * entry_bytes;
      if (is_zero(memory.at(entry, entry_bytes))) {
        continue;
      }
      show(text, "entry " + std::to_string(slot), memory.at(entry, entry_bytes));
      if ((memory.word<std::uint64_t>(entry) & 0xFFU) == 1) {  // live
        const std::uint64_t extents = memory.word<std::uint8_t>(entry + 50) & 0xFU;
        const std::uint64_t sums = memory.word<std::uint8_t>(entry + 50) >> 4U;
        const std::uint64_t block = memory.word<std::uint64_t>(entry + 16) + 4 + 4 * sums + 8 * extents +
                                    memory.word<std::uint16_t>(entry + 48) +
                                    (memory.word<std::uint32_t>(entry + 44) & 0x1FFFFU);
        show(text, "its block", memory.at(memory.word<std::uint64_t>(entry + 8), block));
      }
    }
    for (std::uint32_t line = 0; line < ranks; ++line) {
      const auto bits = memory.at(geometry.pins_offset(rank) + 64 * line, 64);
      if (!is_zero(bits)) {
        show(text, "pins of process " + std::to_string(line), bits);
      }
    }
  }
  return text;
}

ObjectDraft draft_of(Connector& rank, std::size_t bytes, const ObjectMeta& meta) {
  const ObjectDraft draft = rank.create(bytes, meta, {}).value();
  std::ranges::copy(pattern(bytes, bytes), draft.bytes.begin());
  return draft;
}

TEST(GoldenMemory, OfANodeHasTheBytesThatItHad) {
  const Geometry geometry = Geometry::fit(ranks, 32_MiB, 64_GiB);
  const auto segment = Segment::create(geometry, 77);
  std::vector<std::shared_ptr<Connector>> all;
  for (std::uint32_t rank = 0; rank < ranks; ++rank) {
    all.push_back(connect(segment, rank));
  }
  Connector& one = *all[0];
  Connector& other = *all[1];

  ASSERT_TRUE(put(one, store, {}, pattern(1, 40)));
  const ObjectMeta array{store, 2, 16, text_hash("i16[]"), "i16[]", "an array", Layout::array, {6, 10}};
  ASSERT_TRUE(one.seal(draft_of(one, 120, array), {}, {}));
  ObjectMeta summed = plain_meta(store, "with a checksum");
  summed.checksum = true;
  ASSERT_TRUE(other.seal(draft_of(other, 200, summed), {}, {}));
  ASSERT_TRUE(put(other, store, "replaced by another rank", pattern(2, 64)));
  ASSERT_TRUE(put(one, store, "replaced by another rank", pattern(3, 64), {SealMode::replace, 0}));
  const Sealed viewed = put(one, store, "evicted, still viewed", pattern(4, 5000)).value();
  const Result<ObjectView> view = other.get(viewed.key, {});
  ASSERT_TRUE(view);
  ASSERT_TRUE(one.evict(viewed.key, {}).value());
  const Sealed gone = put(one, store, {}, pattern(5, 100)).value();
  ASSERT_TRUE(one.evict(gone.key, {}).value());
  const Result<ObjectView> pinned = one.get({store, "with a checksum"}, {});
  ASSERT_TRUE(pinned);

  expect_golden("memory.txt", dump(Memory(*segment), geometry));
}

}  // namespace
}  // namespace locum::tests::golden_memory_test
