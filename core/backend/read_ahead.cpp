#include "core/backend/read_ahead.hpp"

#include <algorithm>
#include <utility>

namespace locum {

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
      bytes_ += bytes;
      ++inside_;
    }
    fetch->start();
  }
}

void ReadAhead::resize(std::uint64_t from, std::uint64_t to) noexcept {
  {
    const MutexLock lock(mutex_);
    bytes_ += to - from;
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
      const bool has_room = !queue_.empty() && (inside_ == 0 || bytes_ + queue_.front().bytes <= most_bytes_);
      if (!has_room) {
        return;
      }
      bytes_ += queue_.front().bytes;
      ++inside_;
      fetch = std::move(queue_.front().fetch);
      queue_.pop_front();
    }
    fetch->start();
  }
}

}  // namespace locum
