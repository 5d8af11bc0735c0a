#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "core/ports/group.hpp"
#include "core/value/deadline.hpp"
#include "shm/death/death_watch.hpp"
#include "shm/segment/futex.hpp"
#include "shm/segment/process_identity.hpp"
#include "shm/segment/segment.hpp"
#include "tests/core/sanitized.hpp"
#include "tests/shm/child.hpp"

namespace locum::tests {

/// How the watches of a test detect an end.
enum class ExitDetection { by_system, by_polling };

/// Name of a test instance with this parameter.
[[nodiscard]] std::string name_of(const testing::TestParamInfo<ExitDetection>& each);

/// Communication between the processes of a test: in memory that they all inherit.
struct WatchBoard {
  using Clock = Deadline::Clock;
  static constexpr std::uint32_t most_ranks = 9;
  static constexpr std::chrono::seconds patience{20};
  static constexpr std::chrono::milliseconds untold{
      10};  ///< polling interval for states without a notification

  struct Seen {
    shm::Word32 deaths;     ///< on_death was called
    shm::Word32 adoptions;  ///< adopt() finished
    std::atomic<Clock::rep> at;
  };
  shm::Word32 changes;  ///< counts changes of the members below; waiting processes sleep on it
  shm::Word32 ready;
  shm::Word32 may_end;
  shm::Word32 spare;                                          ///< for the test's own use
  std::array<std::array<Seen, most_ranks>, most_ranks> seen;  ///< by survivor and by dead one

  void tell() {
    changes.fetch_add(1);
    shm::futex_wake_all(changes);
  }
  /// False if the condition did not become true in time.
  template <class Condition>
  [[nodiscard]] bool wait_for(Condition condition) {
    const auto moment = Clock::now() + patience;
    for (;;) {
      const std::uint32_t before = changes.load();
      if (condition()) {
        return true;
      }
      const auto now = Clock::now();
      if (now >= moment) {
        return false;
      }
      shm::futex_wait(changes, before, std::min(moment, now + untold));
    }
  }
  void tell_ready() {
    ready.fetch_add(1);
    tell();
  }
  void let_end() {
    may_end = 1;
    tell();
  }
};

/// Processes that watch each other, and a test that kills some of them.
class WatchTest : public testing::TestWithParam<ExitDetection> {
 protected:
  using Clock = Deadline::Clock;
  /// The documented limit; longer with sanitizers.
  static constexpr std::chrono::milliseconds promised{sanitized ? 1000 : 200};

  WatchTest();
  ~WatchTest() override;

  /// The processes exchange their identities. Collective.
  [[nodiscard]] static std::vector<shm::ProcessIdentity> identities(Group& group);
  /// Duties that record their calls on the board.
  [[nodiscard]] shm::DeathWatch::Duties duties(std::uint32_t own) const;
  /// Takes part until the test lets it end; returns the ranks that it lost.
  [[nodiscard]] std::string take_part(Group& group, const shm::DeathWatch::Duties& duties) const;

  /// `ranks` processes, all of which take part.
  void start(std::uint32_t ranks);
  void start(std::uint32_t ranks, const std::function<std::string(Group&)>& body);
  Clock::time_point kill(std::uint32_t rank);

  [[nodiscard]] std::uint32_t deaths(std::uint32_t survivor, std::uint32_t dead) const;
  /// How often the share of `dead` was adopted.
  [[nodiscard]] std::uint32_t adoptions(std::uint32_t dead) const;
  [[nodiscard]] bool death_reported(const std::set<std::uint32_t>& dead) const;
  /// Whether a living process has finished adopting each of them; those that died meanwhile may have, too.
  [[nodiscard]] bool adopted(const std::set<std::uint32_t>& dead) const;
  /// All survivors know all of `dead`, each exactly once, and each has been adopted.
  void expect_noticed(const std::set<std::uint32_t>& dead);
  [[nodiscard]] std::chrono::milliseconds longest_notice(std::uint32_t dead, Clock::time_point killed) const;
  /// All others may end, and have lost only `dead`.
  void end(const std::set<std::uint32_t>& dead);

  WatchBoard* board_ = nullptr;
  std::shared_ptr<shm::Segment> segment_;
  std::vector<Child> children_;
};

}  // namespace locum::tests
