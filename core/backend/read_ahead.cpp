#include "core/backend/read_ahead.hpp"

#include <algorithm>
#include <utility>

namespace locum {

namespace {

/// Most of unknown size that are on their way before one has come.
constexpr std::uint64_t first_unsized = 4;

}  // namespace

bool ReadAhead::has_room_for(std::uint64_t bytes) const noexcept {
  if (inside_ == 0) {
    return true;
  }
  const std::uint64_t expected = bytes_ + unsized_ * usual_bytes_;
  return bytes != 0
             ? expected + bytes <= most_bytes_
             : expected + usual_bytes_ <= most_bytes_ &&
                   unsized_ < (has_usual_bytes_ ? most_unsized_ : std::min(first_unsized, most_unsized_));
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

void ReadAhead::hurry(const std::shared_ptr<Fetch>& fetch, std::uint64_t bytes) {
  if (withdraw(*fetch)) {
    {
      const MutexLock lock(mutex_);
      count(bytes);
    }
    fetch->start();
  }
}

void ReadAhead::resize(std::uint64_t from, std::uint64_t to) noexcept {
  {
    const MutexLock lock(mutex_);
    bytes_ += to - from;
    if (from == 0) {
      --unsized_;
      usual_bytes_ = std::max(to, usual_bytes_ - usual_bytes_ / 8);
      has_usual_bytes_ = true;
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
  return std::erase_if(queue_, [&](const Queued& one) { return one.fetch.get() == &fetch; }) != 0;
}

// One at a time: starting one may take the lock again.
void ReadAhead::let_in() noexcept {
  for (;;) {
    std::shared_ptr<Fetch> fetch;
    {
      const MutexLock lock(mutex_);
      if (queue_.empty() || !has_room_for(queue_.front().bytes)) {
        return;
      }
      count(queue_.front().bytes);
      fetch = std::move(queue_.front().fetch);
      queue_.pop_front();
    }
    fetch->start();
  }
}

}  // namespace locum
