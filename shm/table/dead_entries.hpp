#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/ports/node_table.hpp"
#include "shm/table/entries.hpp"

namespace locum::shm {

/// The tombstoned entries of one share, as its owner knows them: taken from the stack on which others hand
/// them back, or found after a death, and kept until nobody pins them. Private to the owner's process, like
/// all its books; whoever adopts the share of a dead process makes them again from the entries. One thread at
/// a time.
class DeadEntries {
 public:
  /// At entries that were pinned before, in one amortised call: constant work per object.
  static constexpr std::size_t looks_per_call = 4;

  explicit DeadEntries(const Entries& entries) noexcept : entries_(entries) {}

  [[nodiscard]] const Entries& entries() const noexcept { return entries_; }
  /// Makes room for so many slots, once they are committed and before they are used: nothing of what follows
  /// allocates then, but for what it hands out.
  void reserve(std::size_t slots);
  /// Of a share just adopted: knows all its tombstones, handed back or not.
  void adopt(std::span<const std::uint32_t> tombstones) noexcept;
  /// Knows what `dead` tombstoned and did not live to hand back. `slots` has at least those, and may have
  /// others that something else happened to since.
  void recover(std::uint32_t dead, std::span<const std::uint32_t> slots) noexcept;
  /// Takes what was handed back since the last time, and appends to `out` the records of what nobody pins, to
  /// `freed` their slots. What came since the last call is looked at once, what was pinned then again: all of
  /// it, or a few in turn.
  void collect(std::vector<ObjectRecord>& out, std::vector<std::uint32_t>& freed, Effort effort) noexcept;
  /// Still pinned by somebody when it was last looked at.
  [[nodiscard]] const Pinned& pinned() const noexcept { return pinned_; }
  /// How many are known.
  [[nodiscard]] std::size_t size() const noexcept { return slots_.size(); }

 private:
  void keep(std::uint32_t slot) noexcept;
  void take_retired() noexcept;
  void take_off(std::size_t at) noexcept;
  [[nodiscard]] bool reclaim(std::uint32_t slot, std::vector<ObjectRecord>& out,
                             std::vector<std::uint32_t>& freed) noexcept;

  Entries entries_;
  std::vector<std::uint32_t> slots_;  ///< first those that were found pinned, then those not looked at yet
  std::size_t looked_at_ = 0;         ///< how many were
  std::vector<bool> known_;           ///< by slot, for all there is room for: whether it is in slots_
  Pinned pinned_;                     ///< sums of those that were looked at
  std::size_t next_look_ = 0;         ///< which of them is looked at next
};

}  // namespace locum::shm
