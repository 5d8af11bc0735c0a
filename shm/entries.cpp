#include "shm/entries.hpp"

#include "shm/entry_tag.hpp"
#include "shm/kill_point.hpp"

namespace locum::shm {

Entries::Entries(const Segment& segment, std::uint32_t node_rank) noexcept
    : entries_(reinterpret_cast<Entry*>(segment.base() + segment.geometry().entries_offset(node_rank))),
      pins_(reinterpret_cast<Word64*>(segment.base() + segment.geometry().pins_offset(node_rank))),
      share_(&segment.share(node_rank)),
      ranks_(segment.geometry().ranks),
      most_(static_cast<std::uint32_t>(most(segment.geometry()))),
      arena_begin_(segment.geometry().arena_offset(node_rank)),
      arena_bytes_(segment.geometry().arena_bytes) {}

// A slot + 1 is a link of 32 bits.
std::uint64_t Entries::most(const Geometry& geometry) noexcept {
  constexpr std::uint64_t most_slots = (std::uint64_t{1} << 32U) - (1U << 14U);
  return std::min(geometry.arena_bytes / sizeof(Entry), most_slots);
}

bool Entries::pinned(std::uint32_t slot) const noexcept {
  for (std::uint32_t reader = 0; reader < ranks_; ++reader) {
    if ((pin_word(slot, reader).load(std::memory_order_seq_cst) & bit_of(slot)) != 0) {
      return true;
    }
  }
  return false;
}

// Looked at before it is written: most lines are clean, and a page that nobody wrote need not be made.
void Entries::drop_pins(std::uint32_t reader) const noexcept {
  const std::uint32_t slots = committed();
  for (std::uint32_t slot = 0; slot < slots; slot += 64) {
    Word64& word = pin_word(slot, reader);
    if (word.load(std::memory_order_relaxed) != 0) {
      word.store(0, std::memory_order_release);
      LOCUM_KILL_POINT("drop_pins: a word cleared");
    }
  }
}

std::vector<std::uint32_t> Entries::tombstones_of(std::uint32_t node_rank) const {
  std::vector<std::uint32_t> slots;
  const std::uint32_t all = committed();
  for (std::uint32_t slot = 0; slot < all; ++slot) {
    if (tombstoned_by(entries_[slot].tag.load(std::memory_order_acquire), node_rank)) {
      slots.push_back(slot);
    }
  }
  return slots;
}

std::optional<Block> Entries::block_of(const ObjectRecord& record) const noexcept {
  const std::uint64_t bytes = record.block_bytes();
  if (record.check != check_of(record) || record.size_bytes > arena_bytes_ || bytes > arena_bytes_ ||
      record.offset < arena_begin_ || record.offset - arena_begin_ > arena_bytes_ - bytes) {
    return std::nullopt;
  }
  return Block{record.offset, bytes};
}

}  // namespace locum::shm
