#include "core/async/operation.hpp"

#include "core/async/background_worker.hpp"

namespace locum {

void Operation::begin(WaitBudget budget) {
  hold();
  run_in_thread(budget);
}

void Operation::begin_by_driver() noexcept {
  hold();
  state_.store(State::driver, std::memory_order_relaxed);
  drive();
}

bool Operation::run(Clock::time_point until) {
  holders_.store(2, std::memory_order_relaxed);  // no other thread has access yet
  Waiter self;
  link_alone(self);
  return wait(self, until, true);
}

bool Operation::wait(Clock::time_point until) {
  Waiter self;
  bool mine = false;
  {
    const MutexLock lock(mutex_);
    if (ended()) {
      return true;
    }
    if (state_.load(std::memory_order_relaxed) == State::wanting && progress_.now() >= until) {
      return false;  // another thread was called, and this one has no time left
    }
    mine = take();
    waiters_.push_front(self);
  }
  return wait(self, until, mine);
}

// `self` is linked, and `mine` tells whether this thread has to run it. A thread that finds it wanting a
// thread takes it, even after its own moment: it may be the one that was called. It then has no time left for
// waits.
bool Operation::wait(Waiter& self, Clock::time_point until, bool mine) {
  for (bool late = false;;) {
    if (mine) {
      const Left left = resume(Place::thread, late ? worker_.budget() : WaitBudget());
      if (left == Left::over) {
        end(Place::thread);
        return true;
      }
      mine = left == Left::elsewhere;
    }
    if (mine) {
      give_to_driver(self, until);
    } else {
      wait_for(self, until);
    }
    if (self.pending.done() && !self.called.load(std::memory_order_relaxed)) {
      return true;  // the end of the operation has finished with this one
    }
    const MutexLock lock(mutex_);
    if (ended()) {
      return true;
    }
    mine = take();
    late = progress_.now() >= until;
    if (!mine && late) {
      waiters_.remove(self);
      return false;
    }
    self.pending.renew();
    self.called.store(false, std::memory_order_relaxed);
  }
}

void Operation::give_to_driver(Waiter& self, Clock::time_point until) {
  state_.store(State::driver, std::memory_order_relaxed);
  try {
    (void)progress_.wait(self.pending, until, [this] { drive(); });
  } catch (...) {  // from a simulated clock
    leave(self);
    throw;
  }
}

void Operation::wait_for(Waiter& self, Clock::time_point until) {
  try {
    (void)progress_.wait(self.pending, until);
  } catch (...) {  // as above
    leave(self);
    throw;
  }
}

void Operation::leave(Waiter& self) noexcept {
  const MutexLock lock(mutex_);
  if (!ended()) {  // else the end of the operation has finished with this one
    waiters_.remove(self);
  }
}

void Operation::observe(std::shared_ptr<CompletionListener> observer) noexcept {
  {
    const MutexLock lock(mutex_);
    if (!ended()) {
      listener_ = std::move(observer);
      return;
    }
  }
  observer->ended();
}

bool Operation::take() noexcept {
  if (state_.load(std::memory_order_relaxed) != State::wanting) {
    return false;
  }
  state_.store(State::thread, std::memory_order_relaxed);
  return true;
}

// Runs until it has to continue elsewhere, or is over. Once it is queued, another thread may own it.
Operation::Left Operation::resume(Place place, const WaitBudget& budget) noexcept {
  place_ = place;
  budget_ = budget;
  if (place == Place::driver && begun_ != nullptr) {
    Begun& begun = *std::exchange(begun_, nullptr);
    if (!begun.begin(*this)) {
      return Left::elsewhere;
    }
  }
  next_.resume();
  while (queue_ != nullptr) [[unlikely]] {
    const State before = state_.exchange(State::queued, std::memory_order_relaxed);
    if (std::exchange(queue_, nullptr)->queue(*this)) {
      return Left::queued;
    }
    state_.store(before, std::memory_order_relaxed);
    next_.resume();
  }
  return is_over() ? Left::over : Left::elsewhere;
}

void Operation::run_in_thread(const WaitBudget& budget) noexcept {
  switch (resume(Place::thread, budget)) {
    case Left::over:
      return end(Place::thread);
    case Left::elsewhere:
      state_.store(State::driver, std::memory_order_relaxed);
      return progress_.post([this] { drive(); });
    case Left::queued:
      return;
  }
}

void Operation::run_if_wanting(const WaitBudget& budget) noexcept {
  {
    const MutexLock lock(mutex_);
    if (!take()) {
      return;
    }
  }
  run_in_thread(budget);
}

void Operation::end(Place from) noexcept {
  const Held<Operation> self(this);  // only during this call
  std::shared_ptr<CompletionListener> observer;
  {
    const MutexLock lock(mutex_);
    state_.store(State::ended, std::memory_order_release);
    while (Waiter* const first = waiters_.pop()) {
      wake(*first, from);
    }
    observer.swap(listener_);
  }
  if (observer) {
    observer->ended();
  }
}

void Operation::drive() noexcept {
  Left left = resume(Place::driver, progress_.budget());
  while (left == Left::elsewhere && needs_thread_) {
    hold();  // the thread that takes it may end it at once
    const Held<Operation> self(this);
    if (give_to_thread()) {
      return;
    }
    // No thread is left to run it: it continues here, on the budget of a step.
    left = resume(Place::thread, progress_.budget());
    left = left == Left::elsewhere ? resume(Place::driver, progress_.budget()) : left;
  }
  if (left == Left::over) {
    end(Place::driver);
  }
}

void Operation::go_on() noexcept {
  state_.store(State::driver, std::memory_order_relaxed);
  progress_.post([this] { drive(); });
}

void Operation::go_on_here() noexcept {
  state_.store(State::thread, std::memory_order_relaxed);
  run_in_thread(worker_.budget());
}

// It may be destroyed once woken. The driver wakes a waiting thread in a different way.
void Operation::wake(Waiter& waiter, Place from) noexcept {
  from == Place::driver ? progress_.finish(waiter.pending) : progress_.finish_from_outside(waiter.pending);
}

// Called on the driver.
bool Operation::give_to_thread() noexcept {
  std::shared_ptr<Scheduler> host;
  {
    const MutexLock lock(mutex_);
    state_.store(State::wanting, std::memory_order_relaxed);
    if (Waiter* const called = waiters_.first()) {
      called->called.store(true, std::memory_order_relaxed);
      wake(*called, Place::driver);
      return true;
    }
    if (!scheduler_) {
      const bool taken = worker_.take(*this);
      if (!taken) {
        state_.store(State::driver, std::memory_order_relaxed);
      }
      return taken;
    }
    host = scheduler_;
    host->take(*this);
  }
  host->call();
  return true;
}

void Operation::link_alone(Waiter& waiter) noexcept {
  waiters_.push_front(waiter);
}

}  // namespace locum
