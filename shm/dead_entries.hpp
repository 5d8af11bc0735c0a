#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/node_table.hpp"
#include "shm/entries.hpp"

namespace locum::shm {

/// The tombstoned entries of one share, as its owner knows them: taken from the stack on which others hand
/// them back, or found after a death, and kept until nobody pins them. Private to the owner's process, like
/// all its books; whoever adopts the share of a dead process makes them again from the entries. One thread at
/// a time.
class DeadEntries {
 public:
  explicit DeadEntries(const Entries& entries) noexcept : entries_(entries) {}

  [[nodiscard]] const Entries& entries() const noexcept { return entries_; }
  /// Of a share just adopted: knows all its tombstones, handed back or not.
  void adopt(std::span<const std::uint32_t> tombstones);
  /// Knows what `dead` tombstoned and did not live to hand back. `slots` has at least those, and may have
  /// others that something else happened to since.
  void recover(std::uint32_t dead, std::span<const std::uint32_t> slots);
  /// Takes what was handed back since the last time, and appends to `out` the records of what nobody pins, to
  /// `freed` their slots. What came since the last call is looked at once, what was pinned then again: all of
  /// it, or a few in turn.
  void collect(std::vector<ObjectRecord>& out, std::vector<std::uint32_t>& freed, Effort effort);
  /// Still pinned by somebody when it was last looked at.
  [[nodiscard]] const Pinned& pinned() const noexcept { return pinned_; }
  /// How many are known.
  [[nodiscard]] std::size_t size() const noexcept { return fresh_.size() + looked_at_.size(); }

 private:
  void keep(std::uint32_t slot);
  void take_retired();
  [[nodiscard]] bool reclaim(std::uint32_t slot, std::vector<ObjectRecord>& out,
                             std::vector<std::uint32_t>& freed);

  Entries entries_;
  std::vector<std::uint32_t> fresh_;      ///< slots not looked at yet
  std::vector<std::uint32_t> looked_at_;  ///< slots found pinned
  std::vector<bool> known_;               ///< by slot: whether it is in one of the two
  Pinned pinned_;                         ///< sums of looked_at_
  std::size_t next_look_ = 0;             ///< where in looked_at_ the next look begins
};

}  // namespace locum::shm
