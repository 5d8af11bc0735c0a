#include "shm/death/closed_alone.hpp"

namespace locum::shm {

namespace {

// Any other value is a stray store.
constexpr std::uint32_t mark = 0x454E4F4C;  // "LONE", little-endian

}  // namespace

void ClosedAlone::tell() const noexcept {
  if (const auto segment = segment_.lock()) {
    segment->share(own_).closed_alone.store(mark, std::memory_order_release);
  }
}

std::vector<std::uint32_t> ClosedAlone::ranks() const {
  std::vector<std::uint32_t> ranks;
  if (const auto segment = segment_.lock()) {
    for (std::uint32_t rank = 0; rank < segment->geometry().ranks; ++rank) {
      if (rank != own_ && segment->share(rank).closed_alone.load(std::memory_order_acquire) == mark) {
        ranks.push_back(rank);
      }
    }
  }
  return ranks;
}

}  // namespace locum::shm
