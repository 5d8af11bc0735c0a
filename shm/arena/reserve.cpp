#include "shm/arena/reserve.hpp"

#include <algorithm>

namespace locum::shm {

namespace {

// When a block does not fit into free steps, the number of kept ones is limited to this part of the used
// ones.
constexpr std::uint64_t used_per_scattered = 16;

}  // namespace

bool Reserve::note(std::uint64_t free_units, bool can_grow) noexcept {
  lowest_.note(free_units);
  if (free_units > keep_ && !watched_) {
    watched_ = true;
    return true;
  }
  return lacks((keep_ + 1) / 2, free_units, can_grow);
}

bool Reserve::exchange(std::uint64_t committed_units, std::uint64_t used_units,
                       std::uint64_t free_units) noexcept {
  const std::uint64_t spare = free_units - std::min(free_units, keep_);
  const std::uint64_t kept = std::max(keep_, used_units / used_per_scattered);
  surplus_ = std::max(surplus_ + committed_units, free_units - std::min(free_units, kept));
  surplus_ = std::min(surplus_, spare);
  return surplus_ > 0;
}

void Reserve::on_request(std::uint64_t free_units, std::uint64_t least_units) noexcept {
  requested_ = true;
  short_ = true;
  surplus_ = std::max((free_units + 1) / 2, least_units);
}

std::uint64_t Reserve::surplus(std::uint64_t free_units) noexcept {
  const std::uint64_t kept = requested_ ? 0 : keep_;
  surplus_ = std::min(surplus_, free_units - std::min(free_units, kept));
  return surplus_;
}

void Reserve::gave_back(std::uint64_t units) noexcept {
  surplus_ -= units == 0 ? surplus_ : std::min(surplus_, units);
  requested_ = requested_ && surplus_ > 0;
}

// At the end of a window, the steps not needed in it and the one before become surplus.
Reserve::Moment Reserve::look(Moment now, std::uint64_t free_units) noexcept {
  if (free_units <= keep_) {
    watched_ = false;
    window_ends_ = Moment::max();
    return Moment::max();
  }
  if (window_ends_ == Moment::max()) {
    lowest_.start(free_units);
    window_ends_ = now + window;
  } else if (now >= window_ends_) {
    const std::uint64_t lowest = lowest_.turn(free_units);
    window_ends_ = now + window;
    if (lowest > keep_) {
      surplus_ = lowest - keep_;
      return Moment::min();
    }
  }
  return window_ends_;
}

}  // namespace locum::shm
