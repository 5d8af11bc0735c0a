#pragma once

#include <cstdint>

#include "core/result.hpp"
#include "shm/layout.hpp"

namespace locum::shm {

/// How many views this process has of each entry of one creator: private memory, indexed by slot, reserved
/// for all slots and touched only for those that were ever pinned here. A forked process finds them all 0:
/// the pins are its parent's.
class ViewCounts {
 public:
  /// Throws Error `system` if the address space cannot be had.
  explicit ViewCounts(std::uint64_t slots);
  ViewCounts(ViewCounts&& other) noexcept;
  ViewCounts& operator=(ViewCounts&&) = delete;
  ~ViewCounts();

  [[nodiscard]] Word32& operator[](std::uint32_t slot) const noexcept { return counts_[slot]; }

 private:
  Word32* counts_ = nullptr;
  std::uint64_t bytes_ = 0;
};

}  // namespace locum::shm
