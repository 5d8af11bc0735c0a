#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <memory>
#include <span>

namespace locum::storage {

/// Asks the system for large pages for fresh memory that is about to be filled. To clear pages of 4 KiB as
/// they are touched takes as long as to decode what is written there. NumPy asks for them, too.
inline void ask_for_large_pages(std::span<std::byte> memory) noexcept {
  constexpr std::size_t page = std::size_t{2} << 20U;
  void* first = memory.data();
  std::size_t bytes = memory.size();
  if (std::align(page, page, first, bytes) != nullptr) {
    (void)::madvise(first, bytes / page * page, MADV_HUGEPAGE);  // a hint
  }
}

}  // namespace locum::storage
