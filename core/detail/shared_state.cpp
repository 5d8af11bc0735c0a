#include "core/detail/shared_state.hpp"

#include <chrono>

namespace locum {

namespace {

// Of a thread that has lost its core. In a process that was forked it may not be there.
constexpr std::chrono::seconds longest_publishing{30};

}  // namespace

bool SharedState::wait(Clock::time_point until) {
  for (;;) {
    const std::uint64_t seen = completions_->count();
    if (ended()) {
      return true;
    }
    if (completions_->now() >= until) {
      return false;
    }
    do_hurry();
    completions_->await(seen, until);
  }
}

void SharedState::cancel() noexcept {
  if (claim()) {
    cancelled_ = true;
    forget();
    publish();
    return;
  }
  // The thread that claimed it publishes next. Not wait(): the result is not wanted sooner.
  const auto until = completions_->now() + longest_publishing;
  for (;;) {
    const std::uint64_t seen = completions_->count();
    if (ended() || completions_->now() >= until) {
      return;
    }
    completions_->await(seen, until);
  }
}

void SharedState::then(std::unique_ptr<Continuation> continuation) noexcept {
  {
    const MutexLock lock(mutex_);
    if (!ended()) {
      following_.add(std::move(continuation));
    }
  }
  if (continuation) {
    completions_->schedule(std::move(continuation));
  } else {
    do_hurry();
  }
}

void SharedState::publish() noexcept {
  ContinuationQueue following;
  {
    const MutexLock lock(mutex_);
    order_.store(completions_->next(), std::memory_order_release);
    following.swap(following_);
  }
  completions_->tell();
  while (auto next = following.take()) {
    completions_->schedule(std::move(next));
  }
}

}  // namespace locum
