#pragma once

#include <cstddef>

namespace locum::tests {

/// During its lifetime allocations of that many bytes or more fail in this process. For programs that link
/// operator_new.cpp and wrap aligned_alloc() (see large_allocations.cpp). One thread.
class NoLargeAllocations {
 public:
  explicit NoLargeAllocations(std::size_t from_bytes) noexcept;
  NoLargeAllocations(const NoLargeAllocations&) = delete;
  NoLargeAllocations& operator=(const NoLargeAllocations&) = delete;
  ~NoLargeAllocations();

  /// Number of failed allocations.
  [[nodiscard]] std::size_t refused() const noexcept;
};

}  // namespace locum::tests
