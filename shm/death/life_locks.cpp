#include "shm/death/life_locks.hpp"

#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

#include "core/value/error.hpp"
#include "shm/segment/kill_point.hpp"
#include "shm/segment/robust_lock.hpp"

namespace locum::shm {
namespace {

ShareState state_of(const Share& share) noexcept {
  return static_cast<ShareState>(share.state.load(std::memory_order_acquire));
}

void keep_word(Word32& word, std::uint32_t value) noexcept {
  if (word.load(std::memory_order_relaxed) != value) {
    word.store(value, std::memory_order_release);
  }
}

Error taken(std::uint32_t rank, int failure) {
  return Error(Errc::corrupt, "rank " + std::to_string(rank) + " of the node is taken: start the job again",
               std::generic_category().message(failure));
}

}  // namespace

LifeLocks::LifeLocks(std::shared_ptr<Segment> segment, std::uint32_t own)
    : segment_(std::move(segment)),
      own_(own),
      records_(segment_->descriptor()),
      dead_(segment_->geometry().ranks) {}

void LifeLocks::begin() {
  if (!records_.hold(life_byte(own_))) {
    const int failure = errno;
    throw failure == EAGAIN || failure == EACCES
        ? taken(own_, failure)
        : system_error("the system cannot lock the node's memory file", failure);
  }
  Share& mine = segment_->share(own_);
  if (const int failure = ::pthread_mutex_trylock(&mine.life); failure != 0) {
    throw taken(own_, failure);
  }
  LOCUM_KILL_POINT("bootstrap: life is held");
  mine.state.store(static_cast<std::uint32_t>(ShareState::present), std::memory_order_release);
  LOCUM_KILL_POINT("bootstrap: present");
}

void LifeLocks::leave() noexcept {
  Share& mine = segment_->share(own_);
  LOCUM_KILL_POINT("close: about to leave");
  mine.state.store(static_cast<std::uint32_t>(ShareState::left), std::memory_order_release);
  LOCUM_KILL_POINT("close: left");
  if (RobustLock::is_whole(mine.life)) {
    ::pthread_mutex_unlock(&mine.life);
  }
  LOCUM_KILL_POINT("close: life is free");
}

bool LifeLocks::has_left(std::uint32_t rank) const noexcept {
  return state_of(segment_->share(rank)) == ShareState::left;
}

// Only the holder of the locks writes these words: any other value is a stray store.
void LifeLocks::keep(std::uint32_t rank, std::uint32_t adopter, ShareState state) noexcept {
  Share& share = segment_->share(rank);
  keep_word(share.adopter, adopter);
  keep_word(share.state, static_cast<std::uint32_t>(state));
}

Standing LifeLocks::look(std::uint32_t rank) {
  Dead& dead = dead_[rank];
  if (rank == own_) {
    static_cast<void>(records_.hold(life_byte(own_)));  // a descriptor of the file may have been closed
    keep(own_, 0, ShareState::present);
    return Standing::there;
  }
  if (dead.ours) {
    keep(rank, own_ + 1, dead.adopted ? ShareState::adopted : ShareState::present);
    return Standing::ours;
  }
  Share& share = segment_->share(rank);
  const ShareState state = state_of(share);
  if (state == ShareState::absent || state == ShareState::left || !RobustLock::is_whole(share.life)) {
    return Standing::there;
  }
  switch (::pthread_mutex_trylock(&share.life)) {
    case EOWNERDEAD:
      ::pthread_mutex_consistent(&share.life);
      [[fallthrough]];
    case 0:  // released by a process that looked like us, or has left since; or freed by a stray store
      LOCUM_KILL_POINT("adopt: life is inherited");
      dead.ours = inherits(rank);
      if (!dead.ours) {
        ::pthread_mutex_unlock(&share.life);
        return Standing::there;
      }
      // The previous owner may have adopted it; we have not. A process that reads our name sees that, too.
      share.state.store(static_cast<std::uint32_t>(ShareState::present), std::memory_order_release);
      LOCUM_KILL_POINT("adopt: no longer adopted");
      share.adopter.store(own_ + 1, std::memory_order_release);
      LOCUM_KILL_POINT("adopt: adopter is named");
      return Standing::ours;
    case EBUSY:
      return records_.held_by_another(adoption_byte_of(rank)) ? Standing::lost : Standing::there;
    default:  // damaged by a stray store; it tells nothing
      return Standing::there;
  }
}

// With its `life` held: whether it is dead, and no other process owns its share. The kernel may be passing on
// the locks of its threads, or of its share's owner, one after the other: then the next check decides.
bool LifeLocks::inherits(std::uint32_t rank) const noexcept {
  return !has_left(rank) && records_.free_of_others(life_byte(rank)) && records_.hold(adoption_byte_of(rank));
}

void LifeLocks::tell_adopted(std::uint32_t rank) noexcept {
  dead_[rank].adopted = true;
  segment_->share(rank).state.store(static_cast<std::uint32_t>(ShareState::adopted),
                                    std::memory_order_release);
}

}  // namespace locum::shm
