#include "core/detail/shared_state.hpp"

#include <algorithm>
#include <chrono>

#include "core/async/completion_counter.hpp"

namespace locum {

namespace {

// Of a thread that has lost its core. In a process that was forked it may not be there.
constexpr std::chrono::seconds longest_publishing{30};
// How often a thread that waits for results of several sessions checks those of sessions other than the
// first.
constexpr std::chrono::milliseconds others_look{10};

}  // namespace

const std::shared_ptr<CompletionCounter>& SharedState::completions_of_process() {
  return CompletionCounter::of_process();
}

SharedState::Clock::time_point SharedState::moment(Deadline deadline) const {
  return completions_->moment(deadline);
}

void SharedState::schedule(std::unique_ptr<Continuation> continuation) noexcept {
  completions_->schedule(std::move(continuation));
}

std::uint64_t SharedState::ends() const noexcept {
  return completions_->count();
}

bool SharedState::await_end(std::uint64_t seen, Clock::time_point until, bool of_others) {
  const auto now = completions_->now();
  if (now >= until) {
    return false;
  }
  expedite();
  completions_->await(seen, of_others ? std::min<Clock::time_point>(until, now + others_look) : until);
  return true;
}

bool SharedState::wait(Clock::time_point until) {
  for (;;) {
    const std::uint64_t seen = completions_->count();
    if (ended()) {
      return true;
    }
    if (completions_->now() >= until) {
      return false;
    }
    do_expedite();
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
    do_expedite();
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
  while (!following.empty()) {
    completions_->schedule(following.take());
  }
}

}  // namespace locum
