#include <gtest/gtest.h>

#include <array>
#include <compare>
#include <string>

#include "tests/shm/state_space.hpp"

// Kept: only this model finds a missing fence, for which writes must become visible late. The library's own
// code cannot run on such a memory: the processor executes its atomic operations.
//
// A model of how a node gets a copy of an object that is being evicted: the rank that replies for the object
// (CopyHolders::enter), the one that evicts it (CopyHolders::dissolve), the flight of the node that requests
// it, and the rank of that node that is notified of the eviction (Flights, NodeCopies). Writes of the first
// two to their node's memory stay in buffers of their own until they are flushed, some time later or by a
// fence: the weakest memory model in which the order of two words matters here. Their messages are visible at
// once.
//
// Invariant: when the eviction has ended, no copy is visible, and none appears later.
namespace locum::tests {
namespace {

enum class Fault {
  none,
  no_fence_after_entering,
  no_fence_after_evicting,
  looks_before_entering,
  reads_the_list_before_evicting,
  publishes_without_its_mark,
};

struct CopyModel {
  Fault fault = Fault::none;

  // The owner's node.
  bool listed = false;
  bool live = true;
  bool entering = false;  // in the buffer of the replying rank
  bool evicting = false;  // in the buffer of the evicting rank
  // The other node.
  bool marked = false;
  bool copied = false;
  // Messages.
  enum class Said { nothing, alone, shared } reply = Said::nothing;
  enum class Notice { nothing, invalidate, done } notice = Notice::nothing;
  // Each one's position, and its local variables.
  std::array<int, 4> at{};
  bool was_live = false;
  bool was_listed = false;

  auto operator<=>(const CopyModel&) const = default;

  static constexpr int done = 10;

  [[nodiscard]] int threads() const { return 6; }
  [[nodiscard]] std::string wrong() const {
    return at[1] == done && copied ? "a copy is in sight after the eviction" : "";
  }
  [[nodiscard]] bool finished() const {
    return at[0] == done && at[1] == done && at[2] == done && notice != Notice::invalidate;
  }

  bool step(int thread) {
    switch (thread) {
      case 0:
        return answer_for_the_object();
      case 1:
        return evict();
      case 2:
        return fly();
      case 3:
        return handle_notice();
      case 4:
        return entering && (listed = true, entering = false, true);
      default:
        return evicting && (live = false, evicting = false, true);
    }
  }

  bool answer_for_the_object() {
    switch (at[0]) {
      case 0:
        if (at[2] == 0) {
          return false;  // there is no request
        }
        was_live = live;  // the first check, which decides whether the node is entered
        at[0] = was_live ? 1 : 4;
        return true;
      case 1:
        entering = true;
        at[0] = fault == Fault::no_fence_after_entering ? 3 : 2;
        return true;
      case 2:
        if (entering) {
          return false;
        }
        at[0] = 3;
        return true;
      case 3:
        if (fault != Fault::looks_before_entering) {
          was_live = live;
        }
        at[0] = 4;
        return true;
      case 4:
        reply = was_live ? Said::shared : Said::alone;
        at[0] = done;
        return true;
      default:
        return false;
    }
  }

  bool evict() {
    switch (at[1]) {
      case 0:
        if (fault == Fault::reads_the_list_before_evicting) {
          was_listed = listed;
        }
        at[1] = 1;
        return true;
      case 1:
        evicting = true;
        at[1] = fault == Fault::no_fence_after_evicting ? 3 : 2;
        return true;
      case 2:
        if (evicting) {
          return false;
        }
        at[1] = 3;
        return true;
      case 3:
        if (fault != Fault::reads_the_list_before_evicting) {
          was_listed = listed;
        }
        at[1] = was_listed ? 4 : done;
        return true;
      case 4:
        notice = Notice::invalidate;
        at[1] = 5;
        return true;
      case 5:
        if (notice != Notice::done) {
          return false;
        }
        at[1] = done;
        return true;
      default:
        return false;
    }
  }

  bool fly() {
    switch (at[2]) {
      case 0:
        marked = true;
        at[2] = 1;
        return true;
      case 1:
        if (reply == Said::nothing) {
          return false;
        }
        // One compare-and-swap, under the lock of the name's shard.
        copied = reply == Said::shared && (marked || fault == Fault::publishes_without_its_mark);
        marked = false;
        at[2] = done;
        return true;
      default:
        return false;
    }
  }

  bool handle_notice() {
    if (notice != Notice::invalidate) {
      return false;
    }
    marked = copied = false;
    notice = Notice::done;
    return true;
  }
};

TEST(CopyModel, NoCopyIsInSightAfterAnEviction) {
  const Walk walk = walk_all(CopyModel{});
  EXPECT_EQ(walk.wrong, "");
  EXPECT_GT(walk.states, 100U);
}

TEST(CopyModel, EachPartOfTheHandshakeIsNeeded) {
  for (const Fault fault :
       {Fault::no_fence_after_entering, Fault::no_fence_after_evicting, Fault::looks_before_entering,
        Fault::reads_the_list_before_evicting, Fault::publishes_without_its_mark}) {
    EXPECT_EQ(walk_all(CopyModel{.fault = fault}).wrong, "a copy is in sight after the eviction")
        << static_cast<int>(fault);
  }
}

}  // namespace
}  // namespace locum::tests
