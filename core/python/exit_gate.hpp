#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>

namespace locum::python {

/// Whether the library may still call Python, and how many threads of it do. A thread that asks for the lock
/// of an interpreter that has ended would be ended, or wait for ever: who goes through the gate does not,
/// since it is closed before that end, which waits for those inside; those that do not come out are stopped
/// where they ask for the lock. A child that was forked has an open gate, and nobody inside but the thread
/// that forked. Any thread.
class ExitGate {
 public:
  /// Returns the gate of the process, which is never destroyed: threads of the library may be later. Made
  /// when the module is imported.
  [[nodiscard]] static ExitGate& of_process();
  ExitGate(const ExitGate&) = delete;
  ExitGate& operator=(const ExitGate&) = delete;

  /// Returns false once the gate is closed, unless this thread is inside already. REQUIRES: leave() follows.
  [[nodiscard]] bool enter();
  void leave();
  /// Later threads do not enter. REQUIRES: without the interpreter's lock, which those inside need.
  void close();
  /// Waits for those inside, for that time at most. Returns whether there are any left.
  [[nodiscard]] bool wait_for_those_inside(std::chrono::milliseconds time);
  /// Nobody waits any more for those inside, nor for what waits for them.
  void leave_behind() noexcept { are_left_behind_ = true; }
  [[nodiscard]] bool are_left_behind() const noexcept { return are_left_behind_; }

 private:
  ExitGate();
  ~ExitGate() = default;
  void begin_again();

  std::mutex mutex_;
  std::condition_variable idle_;
  std::atomic<bool> are_left_behind_ = false;
  bool is_open_ = true;
  int inside_ = 0;
};

}  // namespace locum::python
