#include "core/python/exit_gate.hpp"

#include <pthread.h>

#include <new>

namespace locum::python {

namespace {

/// How often this thread is inside.
thread_local int inside_of_thread = 0;

}  // namespace

ExitGate& ExitGate::of_process() {
  static auto& made = *new ExitGate;
  return made;
}

// The thread that forks holds the mutex meanwhile: no other thread of the parent does, in the child.
ExitGate::ExitGate() {
  (void)pthread_atfork([] { of_process().mutex_.lock(); }, [] { of_process().mutex_.unlock(); },
                       [] { of_process().begin_again(); });
}

void ExitGate::begin_again() {
  new (&idle_) std::condition_variable;  // threads of the parent may wait for the old one
  is_open_ = true;
  are_left_behind_ = false;
  inside_ = inside_of_thread;
  mutex_.unlock();
}

bool ExitGate::enter() {
  const std::scoped_lock lock(mutex_);
  if (!is_open_ && inside_of_thread == 0) {
    return false;
  }
  ++inside_;
  ++inside_of_thread;
  return true;
}

void ExitGate::leave() {
  const std::scoped_lock lock(mutex_);
  --inside_of_thread;
  if (--inside_ == 0) {
    idle_.notify_all();
  }
}

void ExitGate::close() {
  const std::scoped_lock lock(mutex_);
  is_open_ = false;
}

bool ExitGate::wait_for_those_inside(std::chrono::milliseconds time) {
  std::unique_lock lock(mutex_);
  return !idle_.wait_for(lock, time, [this] { return inside_ <= inside_of_thread; });
}

}  // namespace locum::python
