#include "shm/death/adopter.hpp"

#include "shm/segment/robust_lock.hpp"

namespace locum::shm {
namespace {

// The adopter according to the word, unless the locks contradict it.
std::optional<std::uint32_t> claimed_by(const Segment& segment, std::uint32_t rank) noexcept {
  const std::uint32_t word = segment.share(rank).adopter.load(std::memory_order_acquire);
  if (word == 0 || word > segment.geometry().ranks || word - 1 == rank) {
    return std::nullopt;
  }
  const bool together = RobustLock::held_together(segment.share(rank).life, segment.share(word - 1).life);
  return together ? std::optional(word - 1) : std::nullopt;
}

}  // namespace

std::optional<std::uint32_t> adopter_of(const Segment& segment, std::uint32_t rank) noexcept {
  const auto claimed = claimed_by(segment, rank);
  // Each word names the other rank as adopter: one of them is alive and is, and a stray store hit its word.
  const bool disputed = claimed && claimed_by(segment, *claimed) == rank;
  const auto state = static_cast<ShareState>(segment.share(rank).state.load(std::memory_order_acquire));
  return disputed && state != ShareState::adopted ? std::nullopt : claimed;
}

}  // namespace locum::shm
