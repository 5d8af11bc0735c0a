#pragma once

#include <poll.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <span>
#include <vector>

#include "core/base/background_thread.hpp"
#include "core/base/descriptor.hpp"
#include "core/node/dead_ranks.hpp"
#include "core/value/deadline.hpp"
#include "shm/death/life_locks.hpp"
#include "shm/segment/process_identity.hpp"
#include "shm/segment/segment.hpp"

namespace locum::shm {

/// Marks this process as taking part in the node for as long as this exists, notices when another one dies,
/// and lets one survivor adopt the dead one's share. A separate thread does all of this; it sleeps until the
/// system reports an end (pidfd), or polls twenty times a second if the system cannot. The work after a death
/// is done on that thread; the destructor waits for it.
///
/// An end reported by the system only triggers a check; the locks decide (LifeLocks). A wrong process number
/// cannot lead to an adoption, and at most delays one: every second the thread checks in any case. When the
/// system reports an end, the record lock of that process is already free: so the following check finds its
/// share to be this process's, or another one's, or is soon repeated.
class DeathWatch {
 public:
  /// What survivors do after a death; called on the watch's thread, again after a pause if it throws.
  struct Duties {
    std::function<void(std::uint32_t dead)> on_death;  ///< by every survivor, once per death
    std::function<void(std::uint32_t dead)>
        adopt;  ///< by the process that owns the share of `dead` from now on
  };

  /// `processes[i]` is the node's rank i. From here on the death of each is noticed, once it has a watch of
  /// its own. The process numbers must still be valid now: so all of the group meet twice between announcing
  /// them and ending (a rank that left the first barrier after this one was alive during it). Throws Error
  /// `corrupt` if another process has the share.
  DeathWatch(std::shared_ptr<Segment> segment, std::uint32_t own, std::span<const ProcessIdentity> processes,
             Duties duties);
  DeathWatch(const DeathWatch&) = delete;
  DeathWatch& operator=(const DeathWatch&) = delete;
  /// Leaves the node. Its adopted shares pass on to another process.
  ~DeathWatch();

  [[nodiscard]] const std::shared_ptr<DeadRanks>& losses() const noexcept { return dead_; }

 private:
  using Clock = Deadline::Clock;

  /// Another process of the node, as the thread knows it.
  struct NodePeer {
    Descriptor ending;      ///< readable once the process has ended
    bool lost = false;      ///< dead
    bool ours = false;      ///< and this process owns its share
    bool reported = false;  ///< on_death is done
    bool adopted = false;   ///< adopt is done
    bool warned = false;    ///< a failure of these was reported
    Clock::time_point due;  ///< when to retry

    [[nodiscard]] bool pending() const noexcept { return lost && (!reported || (ours && !adopted)); }
  };

  [[nodiscard]] static std::vector<NodePeer> node_peers_of(const Segment& segment, std::uint32_t own,
                                                           std::span<const ProcessIdentity> processes);
  void run();
  void look(std::uint32_t rank);
  void act(std::uint32_t rank);
  void sleep();
  [[nodiscard]] std::chrono::milliseconds longest_sleep() const noexcept;

  const std::shared_ptr<Segment> segment_;
  const std::uint32_t own_;
  LifeLocks lives_;  // used by the thread only
  const Duties duties_;
  const std::shared_ptr<DeadRanks> dead_;
  std::vector<NodePeer> node_peers_;  // used by the thread only
  std::vector<pollfd> polled_;        // by rank; at the own rank the stop event
  Descriptor stop_event_;
  bool polls_stop_;  // stop_event_ is usable; used by the thread only
  std::atomic<bool> stop_{false};
  std::promise<void> started_;
  BackgroundThread thread_;  // last: ends first
};

}  // namespace locum::shm
