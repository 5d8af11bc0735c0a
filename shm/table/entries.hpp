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

/// The entries of one process and who pins them, as this process maps them. A cheap value that owns nothing;
/// any thread may use it, for as long as the segment is mapped.
class Entries {
 public:
  Entries(const Segment& segment, std::uint32_t node_rank) noexcept;

  /// The most that is committed for entries at once.
  static constexpr std::uint64_t largest_growth_bytes = std::uint64_t{1} << 20U;

  /// Slots that the address range has room for.
  [[nodiscard]] static std::uint64_t most(const Geometry& geometry) noexcept;

  [[nodiscard]] Entry& operator[](std::uint32_t slot) const noexcept { return entries_[slot]; }
  [[nodiscard]] Share& share() const noexcept { return *share_; }
  /// Slots that have memory: those that a pass over all of them looks at. Where something overwrote the
  /// count, those that ever held an object, by a system call: neither is a hole touched nor an object missed.
  [[nodiscard]] std::uint32_t committed() const noexcept {
    const auto told = told_committed();
    return told ? *told : written();
  }

  [[nodiscard]] static constexpr std::uint64_t bit_of(std::uint32_t slot) noexcept {
    return std::uint64_t{1} << (slot % 64);
  }
  /// One cache line of bits per process for each group of entries, the lines of one group beside each other:
  /// a reader writes its own line only, and who frees reads neighbours.
  [[nodiscard]] Word64& pin_word(std::uint32_t slot, std::uint32_t reader) const noexcept {
    constexpr std::uint64_t words_per_line = entries_per_pin_line / 64;
    const std::uint64_t line = std::uint64_t{slot / entries_per_pin_line} * ranks_ + reader;
    return pins_[line * words_per_line + (slot % entries_per_pin_line) / 64];
  }
  /// Bytes of pins for so many entries, in whole pages.
  [[nodiscard]] std::uint64_t pin_bytes(std::uint64_t slots) const noexcept;
  [[nodiscard]] bool pinned(std::uint32_t slot) const noexcept;
  /// Takes back all that one process pins here. REQUIRES: it is dead, or this one; only it writes its lines.
  void drop_pins(std::uint32_t reader) const noexcept;

  /// What one process took out of sight and perhaps could not hand back any more. REQUIRES: it is dead.
  [[nodiscard]] std::vector<std::uint32_t> tombstones_of(std::uint32_t node_rank) const;
  /// What was committed for more entries and never shown; nothing where the count of those that were shown
  /// was overwritten. REQUIRES: their process is dead.
  void give_back_growth(Segment& segment) const noexcept;
  /// The block of an object; none if its record is damaged, or leads out of the memory of whoever made it.
  [[nodiscard]] std::optional<Block> block_of(const ObjectRecord& record) const noexcept;

 private:
  // What the process itself says, if nothing overwrote it.
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
