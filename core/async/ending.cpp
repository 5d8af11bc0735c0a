#include "core/async/ending.hpp"

namespace locum {

bool Ending::wait(Clock::time_point until) {
  for (;;) {
    const std::uint64_t seen = arrivals_->count();
    if (ended()) {
      return true;
    }
    if (arrivals_->now() >= until) {
      return false;
    }
    do_hurry();
    arrivals_->await(seen, until);
  }
}

void Ending::cancel() noexcept {
  if (claim()) {
    cancelled_ = true;
    forget();
    publish();
  }
}

void Ending::then(std::unique_ptr<Continuation> continuation) noexcept {
  {
    const MutexLock lock(mutex_);
    if (!ended()) {
      following_.add(std::move(continuation));
    }
  }
  if (continuation) {
    arrivals_->continuations().add(std::move(continuation));
  } else {
    do_hurry();
  }
}

void Ending::publish() noexcept {
  ContinuationQueue following;
  {
    const MutexLock lock(mutex_);
    order_.store(arrivals_->next(), std::memory_order_release);
    following.swap(following_);
  }
  arrivals_->tell();
  while (auto next = following.take()) {
    arrivals_->continuations().add(std::move(next));
  }
}

}  // namespace locum
