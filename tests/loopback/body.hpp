#pragma once

#include <condition_variable>
#include <exception>
#include <functional>

#include "core/base/background_thread.hpp"
#include "core/base/mutex.hpp"

namespace locum::loopback {

/// A program that may wait, inside a single-threaded simulation: a separate thread that runs only while
/// resume() waits for it, so that there is one thread of control and no race. Owned by the network.
class Body {
 public:
  /// `program` starts with the first resume().
  explicit Body(std::function<void()> program);
  Body(const Body&) = delete;
  Body& operator=(const Body&) = delete;
  /// REQUIRES: ended(), or resume() was never called.
  ~Body() = default;

  /// Runs the program to its next yield() or its end. Rethrows what the program threw.
  void resume();
  /// Called by the program: returns from resume(), and continues with the next one.
  void yield();
  [[nodiscard]] bool begun() const noexcept { return thread_.is_started(); }
  /// Whether the program is over. For the thread that calls resume().
  [[nodiscard]] bool ended() const LOCUM_EXCLUDES(mutex_);

 private:
  enum class Turn { simulation, program, over };

  void run();
  void await(Turn turn, MutexLock& lock) LOCUM_REQUIRES(mutex_);

  std::function<void()> program_;
  std::exception_ptr failure_;
  mutable Mutex mutex_;
  std::condition_variable changed_;
  Turn turn_ LOCUM_GUARDED_BY(mutex_) = Turn::simulation;
  BackgroundThread thread_;
};

}  // namespace locum::loopback
