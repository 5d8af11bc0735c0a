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
      continuation->next_ = std::move(first_);
      first_ = std::move(continuation);
    }
  }
  if (continuation) {
    arrivals_->continuations().add(std::move(continuation));
  } else {
    do_hurry();
  }
}

void Ending::publish() noexcept {
  std::unique_ptr<Continuation> last;
  {
    const MutexLock lock(mutex_);
    order_.store(arrivals_->next(), std::memory_order_release);
    last = std::move(first_);
  }
  arrivals_->tell();
  std::unique_ptr<Continuation> first;
  while (last) {  // in the order in which they came
    auto before = std::move(last->next_);
    last->next_ = std::move(first);
    first = std::move(last);
    last = std::move(before);
  }
  while (first) {
    auto next = std::move(first->next_);
    arrivals_->continuations().add(std::move(first));
    first = std::move(next);
  }
}

}  // namespace locum
