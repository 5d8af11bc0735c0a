#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <vector>

#include "core/base/background_thread.hpp"
#include "core/base/fork_mark.hpp"
#include "core/base/mutex.hpp"

namespace locum::storage {

/// Makes calls that last as long as a file system does, in threads that start with the first call and sleep
/// while there is none. Any thread may add one.
class BackgroundCalls {
 public:
  /// So many are made at a time. More than there are processors: most of them wait for a disk.
  static constexpr std::size_t most_threads = 4;

  BackgroundCalls() = default;
  BackgroundCalls(const BackgroundCalls&) = delete;
  BackgroundCalls& operator=(const BackgroundCalls&) = delete;
  /// Makes the calls that were added, and ends the threads; in a forked process, which has none of these,
  /// does nothing. REQUIRES: it is not called by one of these threads.
  ~BackgroundCalls();

  /// Makes the call soon; at once, in the calling thread, if the system allows no thread. It must not throw.
  void add(std::function<void()> call) LOCUM_EXCLUDES(mutex_);

 private:
  void work() LOCUM_EXCLUDES(mutex_);

  const ForkMark maker_;
  Mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> calls_ LOCUM_GUARDED_BY(mutex_);
  std::vector<BackgroundThread> threads_ LOCUM_GUARDED_BY(mutex_);
  std::size_t idle_ LOCUM_GUARDED_BY(mutex_) = 0;
  bool closed_ LOCUM_GUARDED_BY(mutex_) = false;
};

}  // namespace locum::storage
