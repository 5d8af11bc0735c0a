#include "shm/spill/spill_requests.hpp"

#include <algorithm>
#include <utility>

#include "shm/segment/futex.hpp"
#include "shm/segment/kill_point.hpp"

namespace locum::shm {

SpillRequests::SpillRequests(std::shared_ptr<Segment> segment, std::uint32_t own) noexcept
    : segment_(std::move(segment)), own_(own), heard_(segment_->header().spill_calls.load()) {}

bool SpillRequests::called() noexcept {
  const std::uint32_t calls = segment_->header().spill_calls.load();
  return std::exchange(heard_, calls) != calls;
}

std::uint64_t SpillRequests::wanted() const noexcept {
  return std::min(segment_->header().spill_wanted.load(), segment_->geometry().memory_bytes);
}

void SpillRequests::freed(std::uint64_t bytes) noexcept {
  Word64& word = segment_->header().spill_wanted;
  std::uint64_t wanted = word.load();
  while (wanted != 0 && !word.compare_exchange_weak(wanted, wanted - std::min(wanted, bytes))) {
  }
  if (wanted <= bytes) {
    futex_wake_all(segment_->header().spill_replies);
  }
}

void SpillRequests::reply() noexcept {
  segment_->header().spill_replies.fetch_add(1);
  LOCUM_KILL_POINT("spill: replied");
  futex_wake_all(segment_->header().spill_replies);
}

std::uint32_t SpillRequests::ask(std::uint64_t bytes, bool own) noexcept {
  Word64& word = segment_->header().spill_wanted;
  std::uint64_t wanted = word.load();
  while (wanted < bytes && !word.compare_exchange_weak(wanted, bytes)) {
  }
  segment_->header().spill_calls.fetch_add(1);
  LOCUM_KILL_POINT("spill: asked");
  std::uint32_t others = 0;
  for (std::uint32_t rank = 0; rank < segment_->geometry().ranks; ++rank) {
    Share& share = segment_->share(rank);
    const bool takes_part =
        share.state.load(std::memory_order_relaxed) == static_cast<std::uint32_t>(ShareState::present);
    if (takes_part && (own || rank != own_)) {
      share.bell.fetch_add(1);
      futex_wake_all(share.bell);
      others += rank != own_ ? 1U : 0U;
    }
  }
  return others;
}

// Replies to other requests may count for this one: it then ends too early, and is repeated by a caller that
// still lacks memory.
std::uint64_t SpillRequests::ask_and_wait(std::uint64_t bytes, Moment moment) noexcept {
  Word32& replies = segment_->header().spill_replies;
  const std::uint32_t before = replies.load();
  const std::uint32_t others = ask(bytes, false);
  for (std::uint32_t now = before; wanted() != 0 && now - before < others && Deadline::Clock::now() < moment;
       now = replies.load()) {
    futex_wait(replies, now, moment);
  }
  const std::uint64_t still_wanted = segment_->header().spill_wanted.exchange(0);
  return bytes - std::min(bytes, still_wanted);
}

}  // namespace locum::shm
