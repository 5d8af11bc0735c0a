#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "core/base/background_thread.hpp"
#include "core/base/mutex.hpp"
#include "core/ports/directory.hpp"
#include "shm/segment/segment.hpp"

namespace locum::shm {

/// How a process is notified of names that others bind while none of its threads waits for them. (A thread
/// that waits for a name is woken by NameWait instead.) A process that binds a new name in a watched shard
/// notifies its own watcher itself, and rings every other watching process, whose thread for this, asleep on
/// `Share::news`, notifies the watcher. The thread starts with the first watch for which the system allows
/// one. A watcher without a notification for a second gets a spurious one, because a stray store may have hit
/// one of the words below. Any thread may call.
///
/// Invariant (tests/shm/names/name_watch_model_test.cpp): a watching process sets its own `watching`, then
/// the shard's `watched`, and looks up. A writer links the name, then takes the shard's `watched`, and only
/// if that was set takes the `watching` of each process, and only where that was set increments its `news`
/// and wakes it, or, for its own process, notifies the watcher. A notified watcher watches everything anew
/// and looks up: so a flag that another writer has taken meanwhile, for another name, serves as well.
class NameWatch {
 public:
  /// \param own this process's node rank
  NameWatch(std::shared_ptr<Segment> segment, std::uint32_t own);
  NameWatch(const NameWatch&) = delete;
  NameWatch& operator=(const NameWatch&) = delete;
  ~NameWatch();

  /// Directory::watch() for the names of one shard.
  bool watch(Shard& shard, std::shared_ptr<NameWatcher> watcher);
  /// Rings all watching processes of the node: a name was bound that one of them may watch. The own watcher
  /// is notified before this returns.
  /// \param caller_tells the caller then notifies the waiters of its own process (SealOptions::caller_tells)
  void ring(bool caller_tells) noexcept;
  /// Rings all processes: for the adopter of one that may have died while ringing.
  static void ring_all(const Segment& segment) noexcept;

 private:
  void listen(std::uint32_t heard);
  void tell(bool caller_tells) noexcept;

  const std::shared_ptr<Segment> segment_;
  const std::uint32_t own_;
  Share& share_;
  std::atomic<bool> ending_{false};
  Mutex mutex_;
  std::shared_ptr<NameWatcher> watcher_ LOCUM_GUARDED_BY(mutex_);
  bool watches_ LOCUM_GUARDED_BY(mutex_) = false;  ///< something, since its last notification
  BackgroundThread thread_ LOCUM_GUARDED_BY(mutex_);
};

}  // namespace locum::shm
