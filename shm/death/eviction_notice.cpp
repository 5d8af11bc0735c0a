#include "shm/death/eviction_notice.hpp"

#include "shm/death/adopter.hpp"
#include "shm/segment/futex.hpp"

namespace locum::shm {

std::uint32_t owner_of(const Segment& segment, std::uint32_t rank) noexcept {
  return adopter_of(segment, rank).value_or(rank);
}

// Sequentially consistent: see shm/segment/memory_notice.hpp.
bool may_have_evicted(const Segment& segment, std::uint32_t rank) noexcept {
  const Share& share = segment.share(rank);
  return share.retired.load() != 0 || (share.dead.load() != 0 && !adopter_of(segment, rank));
}

void notify_eviction(const Segment& segment, std::uint32_t rank) noexcept {
  Share& owner = segment.share(owner_of(segment, rank));
  if (owner.listens.load(std::memory_order_seq_cst) != 0 && owner.listens.exchange(0) != 0) [[unlikely]] {
    owner.bell.fetch_add(1);
    futex_wake_all(owner.bell);
  }
}

}  // namespace locum::shm
