#include "shm/segment/memory_notice.hpp"

#include "shm/segment/futex.hpp"

namespace locum::shm {

void wake_memory_waiters(SegmentHeader& header) noexcept {
  if (header.memory_awaited.exchange(0) != 0) {
    header.memory_freed.fetch_add(1);
    futex_wake_all(header.memory_freed);
  }
}

}  // namespace locum::shm
