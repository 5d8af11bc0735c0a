#pragma once

#include <cstddef>
#include <functional>
#include <memory>

#include "core/base/fork_mark.hpp"
#include "core/value/deadline.hpp"

namespace locum::storage {

/// Makes calls that last as long as a file system does, in threads that start with the first call and sleep
/// while there is none. Any thread may add one, and end this: also one of these threads.
class BackgroundCalls {
 public:
  /// So many are made at a time. More than there are processors: most of them wait for a disk.
  static constexpr std::size_t most_threads = 4;

  BackgroundCalls();
  BackgroundCalls(const BackgroundCalls&) = delete;
  BackgroundCalls& operator=(const BackgroundCalls&) = delete;
  /// Ends the threads, and waits for that; on one of them, and in a forked process, which has none, does not
  /// wait. REQUIRES: no call is left, but that of the calling thread.
  ~BackgroundCalls();

  /// Makes the call soon. Makes it at once, in the calling thread, if that is one of these threads, which
  /// others of them may wait for; if the system allows no thread; and in a forked process. It must not throw.
  void add(std::function<void()> call);
  /// Waits until all calls that were added have been made. False: they have not at the deadline. On one of
  /// these threads, and in a forked process, does not wait.
  [[nodiscard]] bool wait(Deadline deadline);
  /// Leaves the calls that are being made, or wait to be, to the threads, and waits for none. REQUIRES: what
  /// they use is theirs; no call is added from then on.
  void leave();

 private:
  class Queue;

  const ForkMark maker_;
  std::shared_ptr<Queue> queue_;  ///< shared with the threads
};

}  // namespace locum::storage
