#pragma once

#include <sys/types.h>

#include <functional>
#include <thread>

namespace locum::shm {

/// Makes the thread that calls it one of the library's own, for one that somebody else has started: signals
/// to the process are for the threads of the application; those by which a thread learns of a fault of its
/// own still reach it, so that handlers that report crashes are called. `name` is what the system's tools
/// show, at most 15 characters.
void become_background_thread(const char* name) noexcept;

/// A thread of the library's own, as become_background_thread() makes one.
/// Whoever owns it makes its body end before the destructor waits for it. In a process that was forked from
/// the owner's there is no such thread, and nothing to wait for.
class BackgroundThread {
 public:
  /// `name` is what the system's tools show, at most 15 characters.
  BackgroundThread(const char* name, std::function<void()> body);
  BackgroundThread(const BackgroundThread&) = delete;
  BackgroundThread& operator=(const BackgroundThread&) = delete;
  ~BackgroundThread();

 private:
  const pid_t process_;
  std::thread thread_;
};

}  // namespace locum::shm
