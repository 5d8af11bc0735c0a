#include "core/backend/read_ahead.hpp"

#include <algorithm>
#include <utility>

namespace locum {

namespace {

/// Most of unknown size that are on their way as a whole before one has come.
constexpr std::uint64_t first_unsized = 4;

}  // namespace

std::optional<ReadAhead::Ask> ReadAhead::room_for(std::uint64_t bytes) const noexcept {
  if (inside_ == 0) {
    return Ask::whole;
  }
  const std::uint64_t expected = bytes_ + unsized_ * usual_bytes_;
  const std::uint64_t more = bytes != 0 ? bytes : usual_bytes_;
  if (expected + more > most_bytes_ || (bytes == 0 && unsized_ >= most_unsized_)) {
    return std::nullopt;
  }
  if (bytes != 0 || has_usual_bytes_ || unsized_ < first_unsized) {
    return Ask::whole;
  }
  return end_bytes_ <= (most_bytes_ - bytes_) / (unsized_ + 1) ? std::optional(Ask::end) : std::nullopt;
}

void ReadAhead::count(std::uint64_t bytes) noexcept {
  bytes_ += bytes;
  ++inside_;
  unsized_ += bytes == 0 ? 1 : 0;
}

void ReadAhead::enter(const std::shared_ptr<Fetch>& fetch, std::uint64_t bytes) {
  {
    const MutexLock lock(mutex_);
    queue_.push_back({fetch, bytes});
  }
  let_in();
}

void ReadAhead::enter_again(const std::shared_ptr<Fetch>& fetch, std::uint64_t bytes) {
  {
    const MutexLock lock(mutex_);
    --inside_;
    note_size(bytes);
    queue_.push_front({fetch, bytes});
  }
  let_in();
}

void ReadAhead::expedite(const Fetch& fetch) {
  std::optional<Queued> queued;
  {
    const MutexLock lock(mutex_);
    queued = take(fetch);
    if (queued) {
      count(queued->bytes);
    }
  }
  if (queued) {
    queued->fetch->start(Ask::whole);
  }
}

// It was of unknown size. An error, or facts alone, tell nothing of the sizes of others.
void ReadAhead::note_size(std::uint64_t bytes) noexcept {
  --unsized_;
  if (bytes == 0) {
    return;
  }
  usual_bytes_ = std::max(bytes, usual_bytes_ - usual_bytes_ / 8);
  has_usual_bytes_ = true;
}

void ReadAhead::resize(std::uint64_t from, std::uint64_t to) noexcept {
  {
    const MutexLock lock(mutex_);
    bytes_ += to - from;
    if (from == 0) {
      note_size(to);
    }
  }
  let_in();
}

void ReadAhead::leave(std::uint64_t bytes) noexcept {
  {
    const MutexLock lock(mutex_);
    bytes_ -= bytes;
    --inside_;
  }
  let_in();
}

bool ReadAhead::withdraw(const Fetch& fetch) noexcept {
  const MutexLock lock(mutex_);
  return take(fetch).has_value();
}

std::optional<ReadAhead::Queued> ReadAhead::take(const Fetch& fetch) noexcept {
  const auto at = std::ranges::find_if(queue_, [&](const Queued& one) { return one.fetch.get() == &fetch; });
  if (at == queue_.end()) {
    return std::nullopt;
  }
  Queued taken = std::move(*at);
  queue_.erase(at);
  return taken;
}

// One at a time: starting one may take the lock again. Where the pool has no thread, starting one makes it,
// which makes room for the next: that is for the loop here, not for a call within a call.
void ReadAhead::let_in() noexcept {
  for (bool is_first = true;; is_first = false) {
    std::shared_ptr<Fetch> fetch;
    std::optional<Ask> ask;
    {
      const MutexLock lock(mutex_);
      if (is_first && is_letting_in_) {
        return;
      }
      ask = queue_.empty() ? std::nullopt : room_for(queue_.front().bytes);
      is_letting_in_ = ask.has_value();
      if (!ask) {
        return;
      }
      count(queue_.front().bytes);
      fetch = std::move(queue_.front().fetch);
      queue_.pop_front();
    }
    fetch->start(*ask);
  }
}

}  // namespace locum
