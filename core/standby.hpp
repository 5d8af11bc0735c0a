#pragma once

#include <atomic>
#include <condition_variable>
#include <thread>

#include "mutex.hpp"
#include "operation.hpp"

namespace locum {

/// A thread for operations that need one which may wait, while nobody waits for them. It begins with the
/// first of them, and sleeps while there is none; where it cannot begin, an operation goes on when somebody
/// waits for it, or when the next one comes.
class Standby {
 public:
  /// \param threaded whether to run them in a thread. A simulation calls poll() instead.
  explicit Standby(bool threaded) noexcept : threaded_(threaded) {}
  Standby(const Standby&) = delete;
  Standby& operator=(const Standby&) = delete;
  ~Standby() { close(); }

  /// Has an operation that wants a thread run by this one, unless somebody else takes it before. False: it is
  /// closed. Does not wait, and needs no memory. Any thread.
  [[nodiscard]] bool take(Operation& operation) noexcept;
  /// Runs what was taken in the calling thread. Whether there was anything.
  bool poll() noexcept;
  /// Runs what was taken, and ends. More than once is fine.
  void close() noexcept;

 private:
  void work() noexcept;
  [[nodiscard]] Held<Operation> next() noexcept LOCUM_REQUIRES(mutex_);

  const bool threaded_;
  std::atomic<bool> any_{false};  ///< taken
  Mutex mutex_;
  std::condition_variable condition_;
  Operation* first_ LOCUM_GUARDED_BY(mutex_) = nullptr;  ///< of those taken, each of which is held
  Operation* last_ LOCUM_GUARDED_BY(mutex_) = nullptr;
  bool closed_ LOCUM_GUARDED_BY(mutex_) = false;
  std::thread thread_ LOCUM_GUARDED_BY(mutex_);
};

}  // namespace locum
