#pragma once

#include <functional>
#include <thread>

#include "core/base/fork_mark.hpp"
#include "core/value/result.hpp"

namespace locum {

/// A thread of the library. There are no others: the test `layering` refuses std::thread elsewhere.
///
/// Signals to the process are for the threads of the application: from its first instruction on they are
/// blocked here. Those of the thread's own faults are not, so that crash handlers are called.
///
/// A forked process has only the thread that forked: what it inherits counts as not started there, and is
/// neither waited for nor touched.
///
/// Its owner lets one thread at a time call; usually under a lock, and moves it out to wait for its end.
class BackgroundThread {
 public:
  BackgroundThread() = default;
  BackgroundThread(BackgroundThread&&) noexcept = default;
  /// Calls join() before.
  BackgroundThread& operator=(BackgroundThread&& other) noexcept;
  /// Calls join().
  ~BackgroundThread() { join(); }

  /// Starts it. `system` if the system allows no further thread. REQUIRES: !is_started().
  /// \param name shown by the system's tools, at most 15 characters
  /// \param body must not throw
  [[nodiscard]] Result<void> start(const char* name, std::function<void()> body) noexcept;
  /// Whether it was started in this process, and was not waited for or detached since.
  [[nodiscard]] bool is_started() const noexcept;
  /// Whether it is the calling thread.
  [[nodiscard]] bool is_current() const noexcept;
  /// Waits until the body has ended, which the owner has told it to; on the thread itself, detaches it. No
  /// effect if it is not started.
  void join() noexcept;
  /// Leaves it to itself: it owns what it uses.
  void detach() noexcept;

 private:
  ForkMark maker_;  ///< of thread_
  std::thread thread_;
};

}  // namespace locum
