#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/ports/node_table.hpp"
#include "shm/table/entries.hpp"

namespace locum::shm {

/// The tombstoned entries of one share, as its owner knows them: taken from the stack on which others hand
/// them back, or found after a death, and kept until they are not pinned. Private to the owner's process; an
/// adopter of a dead process's share rebuilds it from the entries. One thread at a time.
class DeadEntries {
 public:
  /// Previously pinned entries checked in one amortised call: constant work per object.
  static constexpr std::size_t looks_per_call = 4;

  explicit DeadEntries(const Entries& entries) noexcept : entries_(entries) {}

  [[nodiscard]] const Entries& entries() const noexcept { return entries_; }
  /// Makes room for that many slots, once they are committed and before they are used: the following
  /// functions then allocate nothing except for their results.
  void reserve(std::size_t slots);
  /// For a share just adopted: records all its tombstones, handed back or not.
  void adopt(std::span<const std::uint32_t> tombstones) noexcept;
  /// Records entries that `dead` tombstoned and died before handing back. `slots` includes at least those,
  /// and possibly others that have changed since.
  void recover(std::uint32_t dead, std::span<const std::uint32_t> slots) noexcept;
  /// Takes the entries handed back since the last time, and appends to `out` the records of unpinned ones, to
  /// `freed` their slots. New ones are checked at once, then those that were pinned: all of them, or a few in
  /// turn.
  void collect(std::vector<ObjectRecord>& out, std::vector<std::uint32_t>& freed, Effort effort) noexcept;
  /// Entries still pinned at their last check.
  [[nodiscard]] const Pinned& pinned() const noexcept { return pinned_; }
  /// Number of recorded entries.
  [[nodiscard]] std::size_t size() const noexcept { return slots_.size(); }

 private:
  void keep(std::uint32_t slot) noexcept;
  void take_retired() noexcept;
  void take_off(std::size_t at) noexcept;
  [[nodiscard]] bool reclaim(std::uint32_t slot, std::vector<ObjectRecord>& out,
                             std::vector<std::uint32_t>& freed) noexcept;

  Entries entries_;
  std::vector<std::uint32_t> slots_;  ///< first those found pinned, then those not checked yet
  std::size_t looked_at_ = 0;         ///< how many were found pinned
  std::vector<bool> known_;           ///< by slot: whether it is in slots_
  Pinned pinned_;                     ///< sums of the checked ones
  std::size_t next_look_ = 0;         ///< the next of them to check
};

}  // namespace locum::shm
