#include "shm/knell.hpp"

#include "shm/futex.hpp"

namespace locum::shm {

std::uint32_t owner_of(const Segment& segment, std::uint32_t rank) noexcept {
  const std::uint32_t adopter = segment.share(rank).adopter.load(std::memory_order_acquire);
  return adopter == 0 || adopter > segment.geometry().ranks ? rank : adopter - 1;
}

void toll(const Segment& segment, std::uint32_t rank) noexcept {
  Share& owner = segment.share(owner_of(segment, rank));
  if (owner.listens.load(std::memory_order_seq_cst) != 0 && owner.listens.exchange(0) != 0) [[unlikely]] {
    owner.bell.fetch_add(1);
    futex_wake_all(owner.bell);
  }
}

}  // namespace locum::shm
