#pragma once

#include <condition_variable>
#include <mutex>

namespace locum::python {

/// Whether the library may still call Python, and how many threads of it do. A thread that asks for the lock
/// of an interpreter that has ended would be ended, or wait for ever: who goes through the gate does not,
/// since close() comes before that end and waits for all inside. A child that was forked has an open gate,
/// and nobody inside but the thread that forked. Any thread.
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
  /// Waits for those inside, without the interpreter's lock; later ones do not enter.
  void close();

 private:
  ExitGate();
  ~ExitGate() = default;
  void begin_again();

  std::mutex mutex_;
  std::condition_variable idle_;
  bool is_open_ = true;
  int inside_ = 0;
};

}  // namespace locum::python
