#pragma once

#include <cstddef>

namespace locum::tests {

/// As long as it lives, the process has no memory for so many bytes at a time, or more. For programs that
/// link operator_new.cpp and wrap aligned_alloc() (see large_allocations.cpp). One thread.
class NoLargeAllocations {
 public:
  explicit NoLargeAllocations(std::size_t from_bytes) noexcept;
  NoLargeAllocations(const NoLargeAllocations&) = delete;
  NoLargeAllocations& operator=(const NoLargeAllocations&) = delete;
  ~NoLargeAllocations();

  /// How many have been refused.
  [[nodiscard]] std::size_t refused() const noexcept;
};

}  // namespace locum::tests
