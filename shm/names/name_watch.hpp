#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>

#include "core/base/mutex.hpp"
#include "core/ports/directory.hpp"
#include "shm/segment/background_thread.hpp"
#include "shm/segment/segment.hpp"

namespace locum::shm {

/// How a process hears of names that others bind while none of its threads waits for them. (A thread that
/// waits for a name is not woken here, but by NameWait.) Who binds a new name in a shard that is watched
/// tells its own process's watcher itself, and rings every other process that watches, whose thread for this,
/// asleep until then on `Share::news`, tells the watcher. The thread starts with the first watch for which
/// the system allows one. A watcher that was not told for a second is told for no reason, because a stray
/// store may have hit one of the words below. Any thread may call.
///
/// Invariant (tests/shm/names/name_watch_model_test.cpp): who watches sets its own `watching`, then the
/// shard's `watched`, and looks. Who binds links the name, then takes the shard's `watched`, and only if that
/// was set takes the `watching` of each process, and only where that was set counts its `news` up and wakes
/// it, or tells the watcher, where it is its own. Who is told watches everything anew and looks: so a flag
/// that somebody else has taken meanwhile, for another name, is as good as one's own.
class NameWatch {
 public:
  /// \param own this process's node rank
  NameWatch(std::shared_ptr<Segment> segment, std::uint32_t own);
  NameWatch(const NameWatch&) = delete;
  NameWatch& operator=(const NameWatch&) = delete;
  ~NameWatch();

  /// Directory::watch() for the names of one shard.
  bool watch(Shard& shard, std::shared_ptr<NameWatcher> watcher);
  /// Rings all processes of the node that watch: a name was bound that one of them may have meant. The own
  /// watcher is told before this returns.
  /// \param caller_tells the caller then tells those of its own process who wait (SealOptions::caller_tells)
  void ring(bool caller_tells) noexcept;
  /// Rings all processes: for who takes over from one that may have died while it rang.
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
  bool watches_ LOCUM_GUARDED_BY(mutex_) = false;  ///< something, since it was told last
  std::optional<BackgroundThread> thread_ LOCUM_GUARDED_BY(mutex_);
};

}  // namespace locum::shm
