#include "shm/table/view_counts.hpp"

#include <sys/mman.h>

#include <cerrno>
#include <utility>

namespace locum::shm {

ViewCounts::ViewCounts(std::uint64_t slots) : bytes_(slots * sizeof(Word32)) {
  void* memory =
      ::mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) {
    throw system_error("cannot reserve " + std::to_string(bytes_) +
                           " bytes of address space for counting views; raise the limit (ulimit -v) or set "
                           "LOCUM_RESERVE_BYTES lower",
                       errno);
  }
  // Before Linux 4.14 a forked process sees its parent's counts, and must not remove views that it
  // inherited.
  static_cast<void>(::madvise(memory, bytes_, MADV_WIPEONFORK));
  // Fresh anonymous memory is zero, which is what an atomic word of value 0 looks like.
  counts_ = static_cast<Word32*>(memory);
}

ViewCounts::ViewCounts(ViewCounts&& other) noexcept
    : counts_(std::exchange(other.counts_, nullptr)), bytes_(other.bytes_), reach_(other.reach()) {}

void ViewCounts::reach_to(std::uint32_t slots) const noexcept {
  std::uint32_t before = reach();
  while (before < slots && !reach_.compare_exchange_weak(before, slots, std::memory_order_relaxed)) {
  }
}

ViewCounts::~ViewCounts() {
  if (counts_ != nullptr) {
    ::munmap(counts_, bytes_);
  }
}

}  // namespace locum::shm
