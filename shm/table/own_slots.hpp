#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "core/value/result.hpp"
#include "shm/segment/segment.hpp"
#include "shm/table/dead_entries.hpp"
#include "shm/table/entries.hpp"

namespace locum::shm {

/// The entries of this process's own share that can take an object: returned ones, then those never used; if
/// there are none, more are committed. One thread at a time.
class OwnSlots {
 public:
  OwnSlots(std::shared_ptr<Segment> segment, std::uint32_t own);

  /// An entry that no other process accesses. Before more are committed, room is made in `dead` for all of
  /// them, and here for all returned ones. Error `out_of_memory`: of the node, of this process, or of address
  /// space.
  [[nodiscard]] Result<std::uint32_t> take(DeadEntries& dead);
  /// Returns an entry for reuse; abandons it if its sequence is exhausted. Does not allocate.
  void give_back(std::uint32_t slot) noexcept;

 private:
  [[nodiscard]] Result<void> grow(DeadEntries& dead);

  const std::shared_ptr<Segment> segment_;
  const std::uint32_t own_;
  const Entries entries_;
  std::vector<std::uint32_t> free_;
  std::uint32_t used_ = 0;         ///< high-water mark
  std::uint64_t entry_bytes_ = 0;  ///< committed
  std::uint64_t pin_bytes_ = 0;    ///< committed
};

}  // namespace locum::shm
