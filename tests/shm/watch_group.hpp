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

#include "core/deadline.hpp"
#include "core/ports/group.hpp"
#include "shm/death/watch.hpp"
#include "shm/segment/futex.hpp"
#include "shm/segment/process_identity.hpp"
#include "shm/segment/segment.hpp"
#include "tests/core/sanitized.hpp"
#include "tests/shm/child.hpp"

namespace locum::tests {

/// How the watches of a test learn of an end.
enum class Telling { by_system, by_looking };

/// Name of an instance of a test that is given one.
[[nodiscard]] std::string name_of(const testing::TestParamInfo<Telling>& each);

/// What the processes of a test tell each other and the test: in memory that they all inherit.
struct WatchBoard {
  using Clock = Deadline::Clock;
  static constexpr std::uint32_t most_ranks = 9;
  static constexpr std::chrono::seconds patience{20};
  static constexpr std::chrono::milliseconds untold{10};  ///< what nobody tells is looked at this often

  struct Seen {
    shm::Word32 deaths;     ///< on_death was called
    shm::Word32 adoptions;  ///< adopt came to its end
    std::atomic<Clock::rep> at;
  };
  shm::Word32 changes;  ///< counts all of what is below; sleepers sleep on it
  shm::Word32 ready;
  shm::Word32 may_end;
  shm::Word32 spare;                                          ///< a test's own
  std::array<std::array<Seen, most_ranks>, most_ranks> seen;  ///< by survivor and by dead one

  void tell() {
    changes.fetch_add(1);
    shm::futex_wake_all(changes);
  }
  /// False if it did not come true in time.
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
class WatchTest : public testing::TestWithParam<Telling> {
 protected:
  using Clock = Deadline::Clock;
  /// What the documents promise; sanitizers take their share.
  static constexpr std::chrono::milliseconds promised{sanitized ? 1000 : 200};

  WatchTest();
  ~WatchTest() override;

  /// As the processes of the group tell each other who they are. Collective.
  [[nodiscard]] static std::vector<shm::ProcessIdentity> identities(Group& group);
  /// Says on the board what it is called for.
  [[nodiscard]] shm::Watch::Duties duties(std::uint32_t own) const;
  /// Takes part until the test says that it may end; whom it lost.
  [[nodiscard]] std::string take_part(Group& group, const shm::Watch::Duties& duties) const;

  /// `ranks` processes, all of which take part.
  void start(std::uint32_t ranks);
  void start(std::uint32_t ranks, const std::function<std::string(Group&)>& body);
  Clock::time_point kill(std::uint32_t rank);

  [[nodiscard]] std::uint32_t deaths(std::uint32_t survivor, std::uint32_t dead) const;
  /// How many times what `dead` had was adopted.
  [[nodiscard]] std::uint32_t adoptions(std::uint32_t dead) const;
  [[nodiscard]] bool death_reported(const std::set<std::uint32_t>& dead) const;
  /// One that lives has adopted each of them to the end; those that died meanwhile may have, too.
  [[nodiscard]] bool adopted(const std::set<std::uint32_t>& dead) const;
  /// All survivors know all of `dead`, each exactly once, and somebody has adopted each.
  void expect_noticed(const std::set<std::uint32_t>& dead);
  [[nodiscard]] std::chrono::milliseconds longest_notice(std::uint32_t dead, Clock::time_point killed) const;
  /// All others may end, and have lost nobody but `dead`.
  void end(const std::set<std::uint32_t>& dead);

  WatchBoard* board_ = nullptr;
  std::shared_ptr<shm::Segment> segment_;
  std::vector<Child> children_;
};

}  // namespace locum::tests
