#pragma once

#include <sys/types.h>

#include <functional>
#include <thread>

namespace locum::shm {

/// Makes the calling thread a library thread, for threads started by other code: signals to the process are
/// for the threads of the application; signals for its own faults still reach it, so that crash handlers are
/// called. `name` is shown by the system's tools, at most 15 characters.
void become_background_thread(const char* name) noexcept;

/// A library thread, see become_background_thread(). Its owner makes its body end before the destructor waits
/// for it. A process forked from the owner's has no such thread, and nothing to wait for.
class BackgroundThread {
 public:
  /// `name` is shown by the system's tools, at most 15 characters.
  BackgroundThread(const char* name, std::function<void()> body);
  BackgroundThread(const BackgroundThread&) = delete;
  BackgroundThread& operator=(const BackgroundThread&) = delete;
  ~BackgroundThread();

 private:
  const pid_t process_;
  std::thread thread_;
};

}  // namespace locum::shm
