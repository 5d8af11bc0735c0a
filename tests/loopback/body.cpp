#include "tests/loopback/body.hpp"

#include <chrono>
#include <utility>

namespace locum::loopback {

Body::Body(std::function<void()> program) : program_(std::move(program)) {}

// Returns when it is the caller's turn, or the program is over. There is no deadline: the other thread is
// running, and the test's own time limit ends a test that hangs in it.
void Body::await(Turn turn, MutexLock& lock) {
  while (turn_ != turn && turn_ != Turn::over) {
    (void)lock.wait_until(changed_, Deadline::Clock::now() + std::chrono::hours(1));
  }
}

void Body::resume() {
  if (!thread_.is_started()) {
    thread_.start("locum body", [this] { run(); }).value();
  }
  {
    MutexLock lock(mutex_);
    turn_ = Turn::program;
    changed_.notify_all();
    await(Turn::simulation, lock);
  }
  if (failure_) {
    std::rethrow_exception(std::exchange(failure_, nullptr));
  }
}

void Body::yield() {
  MutexLock lock(mutex_);
  turn_ = Turn::simulation;
  changed_.notify_all();
  await(Turn::program, lock);
}

bool Body::ended() const {
  const MutexLock lock(mutex_);
  return turn_ == Turn::over;
}

void Body::run() {
  {
    MutexLock lock(mutex_);
    await(Turn::program, lock);
  }
  try {
    program_();
  } catch (...) {
    failure_ = std::current_exception();
  }
  program_ = nullptr;  // destroys what it holds while the simulation still waits
  const MutexLock lock(mutex_);
  turn_ = Turn::over;
  changed_.notify_all();
}

}  // namespace locum::loopback
