#include "shm/pressure.hpp"

#include <utility>

#include "shm/futex.hpp"
#include "shm/kill_point.hpp"

namespace locum::shm {

Pressure::Pressure(std::shared_ptr<Segment> segment, std::uint32_t own)
    : segment_(std::move(segment)), own_(own), heard_(segment_->header().pressure.load()) {}

void Pressure::offer(std::uint64_t bytes) noexcept {
  if (bytes != offered_) {
    offered_ = bytes;
    segment_->share(own_).surplus_bytes.store(bytes, std::memory_order_relaxed);
    LOCUM_KILL_POINT("give back: surplus published");
  }
}

bool Pressure::called() noexcept {
  const std::uint32_t calls = segment_->header().pressure.load();
  return std::exchange(heard_, calls) != calls;
}

void Pressure::answer() noexcept {
  segment_->header().given_back.fetch_add(1);
  LOCUM_KILL_POINT("give back: answered");
  futex_wake_all(segment_->header().given_back);
}

std::uint64_t Pressure::offered() const noexcept {
  std::uint64_t bytes = 0;
  for (std::uint32_t rank = 0; rank < segment_->geometry().ranks; ++rank) {
    const Share& share = segment_->share(rank);
    const std::uint64_t its_bytes = share.surplus_bytes.load(std::memory_order_relaxed);
    if (share.state.load(std::memory_order_relaxed) != static_cast<std::uint32_t>(ShareState::left) &&
        its_bytes <= segment_->geometry().memory_bytes) {
      bytes += its_bytes;
    }
  }
  return bytes;
}

bool Pressure::worth_calling() const noexcept {
  return segment_->header().given_back.load() != unanswered_.load() ||
         Deadline::Clock::now() >= quiet_until_.load();
}

bool Pressure::call(Moment moment) noexcept {
  Word32& answers = segment_->header().given_back;
  const std::uint32_t before = answers.load();
  segment_->header().pressure.fetch_add(1);
  LOCUM_KILL_POINT("commit: called for memory");
  for (std::uint32_t rank = 0; rank < segment_->geometry().ranks; ++rank) {
    Share& share = segment_->share(rank);
    if (share.surplus_bytes.load(std::memory_order_relaxed) > 0) {
      share.bell.fetch_add(1);
      futex_wake_all(share.bell);
    }
  }
  LOCUM_KILL_POINT("commit: rang the bells");
  while (answers.load() == before && Deadline::Clock::now() < moment) {
    futex_wait(answers, before, moment);
  }
  if (answers.load() != before) {
    return true;
  }
  unanswered_.store(before);
  quiet_until_.store(Deadline::Clock::now() + longest);
  return false;
}

Word32& Pressure::bell() const noexcept {
  return segment_->share(own_).bell;
}

}  // namespace locum::shm
