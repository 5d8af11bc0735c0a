#pragma once

#include <cstdint>

#include "core/value/result.hpp"
#include "shm/segment/layout.hpp"

namespace locum::shm {

/// The number of views that this process has of each entry of one creator: private memory, indexed by slot,
/// reserved for all slots and touched only for those ever pinned here. A forked process finds all 0: the pins
/// are its parent's.
class ViewCounts {
 public:
  /// Throws Error `system` if the address space cannot be had.
  explicit ViewCounts(std::uint64_t slots);
  ViewCounts(ViewCounts&& other) noexcept;
  ViewCounts& operator=(ViewCounts&&) = delete;
  ~ViewCounts();

  [[nodiscard]] Word32& operator[](std::uint32_t slot) const noexcept { return counts_[slot]; }
  /// Slots known to be committed: there are views of no others. Only grows.
  [[nodiscard]] std::uint32_t reach() const noexcept { return reach_.load(std::memory_order_relaxed); }
  void reach_to(std::uint32_t slots) const noexcept;

 private:
  Word32* counts_ = nullptr;
  std::uint64_t bytes_ = 0;
  mutable Word32 reach_{0};
};

}  // namespace locum::shm
