#include "core/server/name_waiters.hpp"

#include "core/ports/directory.hpp"

namespace locum {

bool NameWaiters::add(Waiter waiter, Clock::time_point now) {
  const auto fits = [&] {
    const auto share = shares_.find(waiter.rank);
    return share == shares_.end() || (share->second.names < most_of_rank &&
                                      share->second.bytes + waiter.name.size() <= most_bytes_of_rank);
  };
  if (!fits()) {
    forget_overdue({waiters_.begin(), waiters_.end()}, now);
    if (!fits()) {
      return false;
    }
  }
  const std::size_t bytes = waiter.name.size();
  const int rank = waiter.rank;
  const std::uint64_t hash = name_hash(waiter.store, waiter.name);
  waiters_.emplace(hash, std::move(waiter));
  Share& share = shares_[rank];
  ++share.names;
  share.bytes += bytes;
  return true;
}

void NameWaiters::forget(int rank) {
  if (serving_) {
    gone_.insert(rank);
    return;
  }
  for (auto at = waiters_.begin(); at != waiters_.end();) {
    at = at->second.rank == rank ? remove(at) : std::next(at);
  }
}

void NameWaiters::forget_overdue(Range those, Clock::time_point now) {
  for (auto at = those.first; at != those.second;) {
    if (at->second.until > now) {
      ++at;
      continue;
    }
    if (when_overdue_) {
      when_overdue_(at->second);
    }
    at = remove(at);
  }
}

NameWaiters::Waiters::iterator NameWaiters::remove(Waiters::iterator at) {
  const auto share = shares_.find(at->second.rank);
  share->second.bytes -= at->second.name.size();
  if (--share->second.names == 0) {
    shares_.erase(share);
  }
  return waiters_.erase(at);
}

}  // namespace locum
