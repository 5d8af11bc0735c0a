#include "shm/table/entries.hpp"

#include <algorithm>

#include "shm/segment/kill_point.hpp"

namespace locum::shm {

Entries::Entries(const Segment& segment, std::uint32_t node_rank) noexcept
    : segment_(&segment),
      entries_(reinterpret_cast<Entry*>(segment.base() + segment.geometry().entries_offset(node_rank))),
      pins_(reinterpret_cast<Word64*>(segment.base() + segment.geometry().pins_offset(node_rank))),
      share_(&segment.share(node_rank)),
      ranks_(segment.geometry().ranks),
      most_(static_cast<std::uint32_t>(most(segment.geometry()))),
      node_rank_(node_rank),
      arena_begin_(segment.geometry().arena_offset(node_rank)),
      arena_bytes_(segment.geometry().arena_bytes) {}

// A slot + 1 is a link of 32 bits.
std::uint64_t Entries::most(const Geometry& geometry) noexcept {
  constexpr std::uint64_t most_slots = (std::uint64_t{1} << 32U) - largest_growth_bytes / sizeof(Entry);
  return std::min(geometry.entries_bytes() / sizeof(Entry), most_slots);
}

// Slots are used in order, so that pages are first written in order, too. A committed page that was never
// written is a hole to the system.
std::uint32_t Entries::written() const noexcept {
  const std::uint64_t begin = segment_->geometry().entries_offset(node_rank_);
  const std::uint64_t bytes = segment_->written_bytes(begin, std::uint64_t{most_} * sizeof(Entry));
  return static_cast<std::uint32_t>(bytes / sizeof(Entry));
}

std::uint64_t Entries::pin_bytes(std::uint64_t slots) const noexcept {
  constexpr std::uint64_t line_bytes = entries_per_pin_line / 8;
  const std::uint64_t groups = (slots + entries_per_pin_line - 1) / entries_per_pin_line;
  return (groups * ranks_ * line_bytes + page_bytes - 1) / page_bytes * page_bytes;
}

bool Entries::pinned(std::uint32_t slot) const noexcept {
  for (std::uint32_t reader = 0; reader < ranks_; ++reader) {
    if ((pin_word(slot, reader).load(std::memory_order_seq_cst) & bit_of(slot)) != 0) {
      return true;
    }
  }
  return false;
}

bool Entries::pinned_by_others(std::uint32_t slot, std::uint32_t reader) const noexcept {
  for (std::uint32_t other = 0; other < ranks_; ++other) {
    if (other != reader && (pin_word(slot, other).load(std::memory_order_relaxed) & bit_of(slot)) != 0) {
      return true;
    }
  }
  return false;
}

// Checked before it is written: most lines are clean, and a page that nobody wrote need not be created.
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

void Entries::give_back_growth(Segment& segment) const noexcept {
  const Geometry& geometry = segment.geometry();
  const auto told = told_committed();
  if (!told) {
    return;  // other processes may have seen a larger count, and access entries there
  }
  const std::uint64_t slots = *told;
  const std::uint64_t most_slots =
      std::min<std::uint64_t>(slots + largest_growth_bytes / sizeof(Entry), most_);
  const auto give_back = [&](std::uint64_t range, std::uint64_t shown_bytes, std::uint64_t most_bytes) {
    const std::uint64_t begin = (shown_bytes + page_bytes - 1) / page_bytes * page_bytes;
    if (begin < most_bytes) {
      segment.give_back(range + begin, most_bytes - begin);
    }
  };
  give_back(geometry.pins_offset(node_rank_), pin_bytes(slots), pin_bytes(most_slots));
  LOCUM_KILL_POINT("adopt: pins given back");
  give_back(geometry.entries_offset(node_rank_), slots * sizeof(Entry), most_slots * sizeof(Entry));
  LOCUM_KILL_POINT("adopt: entries given back");
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
