#pragma once

#include <poll.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "core/deadline.hpp"
#include "core/node/losses.hpp"
#include "shm/death/lives.hpp"
#include "shm/segment/background_thread.hpp"
#include "shm/segment/descriptor.hpp"
#include "shm/segment/process_identity.hpp"
#include "shm/segment/segment.hpp"

namespace locum::shm {

/// Says that this process takes part in the node for as long as it exists, notices when another one dies, and
/// has one survivor adopt what the dead one had. A thread of its own does all of this; it sleeps until the
/// system tells it of an end (pidfd), or looks twenty times a second where the system cannot. What a death
/// asks for is done in that thread; the destructor waits for it.
///
/// An ending told by the system only makes the thread look; the locks decide (Lives). A wrong process number
/// cannot lead to an adoption, and no more than delays one: every second the thread looks in any case. When
/// the system tells of an end, the record lock of that process is free already: so the look that follows
/// finds its share to be ours, or another one's, or is soon repeated.
class Watch {
 public:
  /// What survivors do about a death; called in the watch's thread, again after a pause if it throws.
  struct Duties {
    std::function<void(std::uint32_t dead)> on_death;  ///< every survivor, once for each that died
    std::function<void(std::uint32_t dead)> adopt;     ///< who owns the share of `dead` from now on
  };

  /// `processes[i]` is the node's rank i. From here on the death of each is noticed, once it has a watch of
  /// its own. The process numbers must still be right now: so all of the group meet between telling them and
  /// ending, twice (who has left the first meeting after this was alive during it). Throws Error
  /// `corrupt` if the share is somebody else's.
  Watch(std::shared_ptr<Segment> segment, std::uint32_t own, std::span<const ProcessIdentity> processes,
        Duties duties);
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;
  /// Leaves the node. What this process had adopted passes on to another one.
  ~Watch();

  [[nodiscard]] const std::shared_ptr<Losses>& losses() const noexcept { return losses_; }

 private:
  using Clock = Deadline::Clock;

  /// Another process of the node, as the thread knows it.
  struct Mate {
    Descriptor ending;        ///< readable once the process has ended
    bool lost = false;        ///< it is dead
    bool ours = false;        ///< and what it had is ours
    bool mourned = false;     ///< on_death is done
    bool adopted = false;     ///< adopt is done
    bool complained = false;  ///< that one of these failed
    Clock::time_point due;    ///< when to do what is not done

    [[nodiscard]] bool pending() const noexcept { return lost && (!mourned || (ours && !adopted)); }
  };

  [[nodiscard]] static std::vector<Mate> mates_of(const Segment& segment, std::uint32_t own,
                                                  std::span<const ProcessIdentity> processes);
  void run();
  void look(std::uint32_t rank);
  void act(std::uint32_t rank);
  void sleep();
  [[nodiscard]] std::chrono::milliseconds longest_sleep() const noexcept;

  const std::shared_ptr<Segment> segment_;
  const std::uint32_t own_;
  Lives lives_;  // the thread's own
  const Duties duties_;
  const std::shared_ptr<Losses> losses_;
  std::vector<Mate> mates_;     // the thread's own
  std::vector<pollfd> polled_;  // by rank; at our own the event that stops us
  Descriptor stop_event_;
  bool hears_stop_;  // by stop_event_; the thread's own
  std::atomic<bool> stop_{false};
  std::promise<void> started_;
  BackgroundThread thread_;  // last: ends first
};

}  // namespace locum::shm
