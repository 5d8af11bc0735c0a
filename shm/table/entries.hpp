#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "core/ports/arena.hpp"
#include "shm/segment/entry_tag.hpp"
#include "shm/segment/layout.hpp"
#include "shm/segment/segment.hpp"

namespace locum::shm {

/// The entries of one process and their pins, as mapped in this process. Cheap to copy, owns nothing; any
/// thread may use it, for as long as the segment is mapped.
class Entries {
 public:
  Entries(const Segment& segment, std::uint32_t node_rank) noexcept;

  /// The most entries committed at once.
  static constexpr std::uint64_t largest_growth_bytes = std::uint64_t{1} << 20U;

  /// Slots in the address range.
  [[nodiscard]] static std::uint64_t most(const Geometry& geometry) noexcept;

  [[nodiscard]] Entry& operator[](std::uint32_t slot) const noexcept { return entries_[slot]; }
  [[nodiscard]] Share& share() const noexcept { return *share_; }
  /// Committed slots: the range of a pass over all of them. If something overwrote the count, those that ever
  /// held an object, by a system call: no hole is accessed and no object missed.
  [[nodiscard]] std::uint32_t committed() const noexcept {
    const auto told = told_committed();
    return told ? *told : written();
  }

  [[nodiscard]] static constexpr std::uint64_t bit_of(std::uint32_t slot) noexcept {
    return std::uint64_t{1} << (slot % 64);
  }
  /// One cache line of bits per process for each group of entries, the lines of one group side by side: a
  /// reader writes only its own line, and a freeing process reads adjacent lines.
  [[nodiscard]] Word64& pin_word(std::uint32_t slot, std::uint32_t reader) const noexcept {
    constexpr std::uint64_t words_per_line = entries_per_pin_line / 64;
    const std::uint64_t line = std::uint64_t{slot / entries_per_pin_line} * ranks_ + reader;
    return pins_[line * words_per_line + (slot % entries_per_pin_line) / 64];
  }
  /// Bytes of pins for that many entries, in whole pages.
  [[nodiscard]] std::uint64_t pin_bytes(std::uint64_t slots) const noexcept;
  [[nodiscard]] bool pinned(std::uint32_t slot) const noexcept;
  /// By another process than that one.
  [[nodiscard]] bool pinned_by_others(std::uint32_t slot, std::uint32_t reader) const noexcept;
  /// Clears all pins of one process here. REQUIRES: it is dead, or this one; only it writes its lines.
  void drop_pins(std::uint32_t reader) const noexcept;

  /// Tombstones of one process that it possibly did not hand back. REQUIRES: it is dead.
  [[nodiscard]] std::vector<std::uint32_t> tombstones_of(std::uint32_t node_rank) const;
  /// Returns memory committed for more entries and never published; no effect if the count of the published
  /// ones was overwritten. REQUIRES: their process is dead.
  void give_back_growth(Segment& segment) const noexcept;
  /// The block of an object; none if its record is damaged, or points outside the memory of its maker.
  [[nodiscard]] std::optional<Block> block_of(const ObjectRecord& record) const noexcept;

 private:
  // The process's own count, if nothing overwrote it.
  [[nodiscard]] std::optional<std::uint32_t> told_committed() const noexcept {
    const std::uint64_t word = share_->entries.load(std::memory_order_acquire);
    const auto slots = static_cast<std::uint32_t>(word);
    return word == entries_word(slots, node_rank_) && slots <= most_ ? std::optional(slots) : std::nullopt;
  }
  [[nodiscard]] std::uint32_t written() const noexcept;

  const Segment* segment_;
  Entry* entries_;
  Word64* pins_;
  Share* share_;
  std::uint32_t ranks_;
  std::uint32_t most_;
  std::uint32_t node_rank_;
  std::uint64_t arena_begin_;
  std::uint64_t arena_bytes_;
};

}  // namespace locum::shm
