#include "shm/arena/pressure.hpp"

#include <utility>

#include "shm/death/eviction_notice.hpp"
#include "shm/segment/futex.hpp"
#include "shm/segment/kill_point.hpp"

namespace locum::shm {
namespace {

bool takes_part(const Share& share) noexcept {
  return share.state.load(std::memory_order_relaxed) != static_cast<std::uint32_t>(ShareState::left);
}
// Sequentially consistent: see shm/segment/memory_notice.hpp.
bool was_handed_back(const Share& share) noexcept {
  return share.retired.load() != 0;
}

}  // namespace

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

void Pressure::reply() noexcept {
  segment_->header().given_back.fetch_add(1);
  LOCUM_KILL_POINT("give back: answered");
  futex_wake_all(segment_->header().given_back);
}

std::uint64_t Pressure::offered() const noexcept {
  std::uint64_t bytes = 0;
  for (std::uint32_t rank = 0; rank < segment_->geometry().ranks; ++rank) {
    const Share& share = segment_->share(rank);
    const std::uint64_t its_bytes = share.surplus_bytes.load(std::memory_order_relaxed);
    if (takes_part(share) && its_bytes <= segment_->geometry().memory_bytes) {
      bytes += its_bytes;
    }
  }
  return bytes;
}

// A process marks itself before it takes what was handed back to it, or to one that it has adopted: so what
// was handed back is read first, of all.
bool Pressure::uncollected() const noexcept {
  if (any_handed_back()) {
    return true;
  }
  for (std::uint32_t rank = 0; rank < segment_->geometry().ranks; ++rank) {
    const Share& share = segment_->share(rank);
    if (takes_part(share) && may_have_evicted(*segment_, rank)) {
      return true;
    }
  }
  return false;
}

bool Pressure::any_handed_back() const noexcept {
  for (std::uint32_t rank = 0; rank < segment_->geometry().ranks; ++rank) {
    if (takes_part(segment_->share(rank)) && was_handed_back(segment_->share(rank))) {
      return true;
    }
  }
  return false;
}

bool Pressure::worth_calling() const noexcept {
  return segment_->header().given_back.load() != unanswered_.load() ||
         Deadline::Clock::now() >= quiet_until_.load();
}

std::uint32_t Pressure::ring() noexcept {
  segment_->header().pressure.fetch_add(1);
  LOCUM_KILL_POINT("commit: called for memory");
  std::uint32_t called = 0;
  for (std::uint32_t rank = 0; rank < segment_->geometry().ranks; ++rank) {
    const Share& share = segment_->share(rank);
    if (share.surplus_bytes.load(std::memory_order_relaxed) > 0 || may_have_evicted(*segment_, rank)) {
      Word32& bell = segment_->share(owner_of(*segment_, rank)).bell;
      bell.fetch_add(1);
      futex_wake_all(bell);
      ++called;
    }
  }
  LOCUM_KILL_POINT("commit: rang the bells");
  return called;
}

bool Pressure::call(Moment moment) noexcept {
  Word32& replies = segment_->header().given_back;
  const std::uint32_t before = replies.load();
  const std::uint32_t called = ring();
  const auto missing = [&](std::uint32_t answered) {
    return answered == before || (answered - before < called && any_handed_back());
  };
  for (std::uint32_t now = replies.load(); missing(now) && Deadline::Clock::now() < moment;
       now = replies.load()) {
    futex_wait(replies, now, moment);
  }
  if (replies.load() != before) {
    return true;
  }
  note_unanswered(before, Deadline::Clock::now());
  return false;
}

void Pressure::note_unanswered(std::uint32_t replies, Moment now) noexcept {
  unanswered_.store(replies);
  quiet_until_.store(now + longest);
}

// A process that has not asked for long starts afresh: it is unknown whether it would have been answered
// since.
bool Pressure::ring_for_later(Moment now) noexcept {
  const std::uint32_t replies = segment_->header().given_back.load();
  const Moment since = rung_since_.load();
  if (replies != rung_at_answer_.load() || since < now - longest) {
    rung_at_answer_.store(replies);
    rung_since_.store(now);
  } else if (now - since >= patience) {
    note_unanswered(replies, now);
    return false;
  }
  ring();
  return true;
}

Word32& Pressure::bell() const noexcept {
  return segment_->share(own_).bell;
}

}  // namespace locum::shm
