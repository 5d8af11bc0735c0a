#include <gtest/gtest.h>

#include <array>
#include <compare>
#include <string>

#include "tests/shm/state_space.hpp"

// A model of waiting for a name (NameTable::wait, bind and repair): one waiter, two writers of the same shard
// of whom only the second binds the name waited for, in every interleaving of a sequentially consistent
// memory; one of the writers may die at any step, and then an adopter finishes what it had begun. The sleep
// is a futex: it compares the word and falls asleep in one step. Writers take no lock here, which only lets
// more happen.
//
// Invariant: nobody is left asleep when the name is there. What the exchanges order is shown on real cores by
// the stress tests of names.
namespace locum::tests::wake_model_test {
namespace {

enum class Fault {
  none,
  counts_before_it_takes,
  waits_before_it_reads,
  looks_before_it_waits,
  adopter_does_not_wake,
  adopter_asks_the_flag,
  adopter_wakes_before_it_counts,
  adopter_counts_before_it_finishes,
};

struct WakeModel {
  Fault fault = Fault::none;

  bool intended = false;  // the name waited for: what a survivor must link
  bool linked = false;
  int waiting = 0;
  int published = 0;
  bool asleep = false;

  int waiter = 0;
  int seen = 0;
  bool found = false;
  struct Writer {
    int at = 0;
    bool took = false;
    bool dead = false;
    auto operator<=>(const Writer&) const = default;
  };
  std::array<Writer, 2> writers{};
  bool died = false;
  int adopter = 0;

  auto operator<=>(const WakeModel&) const = default;

  [[nodiscard]] int threads() const { return 4; }
  [[nodiscard]] int events() const { return 2; }
  bool happen(int writer) {
    if (died) {
      return false;
    }
    died = true;
    return writers[static_cast<std::size_t>(writer)].dead = true;
  }
  [[nodiscard]] std::string wrong() const { return {}; }
  // Nothing to find only if the writer died before anybody could know what it wanted.
  [[nodiscard]] bool finished() const { return found || (!intended && writers[1].dead); }

  bool step(int thread) { return thread == 0 ? wait() : thread == 3 ? adopt() : write(thread - 1); }

  bool look() {
    found = linked;
    return found;
  }

  bool wait() {
    if (found || asleep) {
      return false;
    }
    switch (waiter) {
      case 0:
        if (fault == Fault::waits_before_it_reads) {
          waiting = 1;
        } else if (fault == Fault::looks_before_it_waits) {
          look();
        } else {
          seen = published;
        }
        waiter = 1;
        return true;
      case 1:
        if (fault == Fault::waits_before_it_reads || fault == Fault::looks_before_it_waits) {
          seen = published;
        } else {
          waiting = 1;
        }
        waiter = 2;
        return true;
      case 2:
        if (fault == Fault::looks_before_it_waits) {
          waiting = 1;
        } else {
          look();
        }
        waiter = 3;
        return true;
      default:
        asleep = published == seen;
        waiter = 0;
        return true;
    }
  }

  bool write(int writer) {
    Writer& me = writers[static_cast<std::size_t>(writer)];
    if (me.dead) {
      return false;
    }
    const bool counts_first = fault == Fault::counts_before_it_takes;
    switch (me.at) {
      case 0:
        intended = intended || writer == 1;
        me.at = 1;
        return true;
      case 1:
        linked = linked || writer == 1;
        me.at = 2;
        return true;
      case 2:
        if (counts_first) {
          ++published;
        } else {
          me.took = waiting != 0;
          waiting = 0;
        }
        me.at = me.took || counts_first ? 3 : 5;
        return true;
      case 3:
        if (counts_first) {
          me.took = waiting != 0;
          waiting = 0;
        } else {
          ++published;
        }
        me.at = me.took ? 4 : 5;
        return true;
      case 4:
        asleep = false;
        me.at = 5;
        return true;
      default:
        return false;
    }
  }

  // NameTable::repair.
  enum class Act { finish, count, wake };
  [[nodiscard]] std::array<Act, 3> repair() const {
    switch (fault) {
      case Fault::adopter_wakes_before_it_counts:
        return {Act::finish, Act::wake, Act::count};
      case Fault::adopter_counts_before_it_finishes:
        return {Act::count, Act::wake, Act::finish};
      default:
        return {Act::finish, Act::count, Act::wake};
    }
  }
  bool adopt() {
    if (!died || adopter == 3) {
      return false;
    }
    const Act act = repair()[static_cast<std::size_t>(adopter++)];
    const bool wakes =
        fault != Fault::adopter_does_not_wake && (fault != Fault::adopter_asks_the_flag || waiting != 0);
    if (act == Act::finish) {
      linked = linked || (intended && writers[1].dead);
    } else if (act == Act::count && wakes) {
      ++published;
    } else if (act == Act::wake && wakes) {
      asleep = false;
    }
    return true;
  }
};

TEST(WakeModel, NobodySleepsOnInAnyInterleaving) {
  const Walk walk = walk_all(WakeModel{});
  EXPECT_EQ(walk.wrong, "");
  EXPECT_GT(walk.states, 1'000U);
}

TEST(WakeModel, SeesEachWrongOrder) {
  for (const Fault fault :
       {Fault::counts_before_it_takes, Fault::waits_before_it_reads, Fault::looks_before_it_waits,
        Fault::adopter_does_not_wake, Fault::adopter_asks_the_flag, Fault::adopter_wakes_before_it_counts,
        Fault::adopter_counts_before_it_finishes}) {
    WakeModel model;
    model.fault = fault;
    EXPECT_EQ(walk_all(model).wrong, "nobody can go on") << static_cast<int>(fault);
  }
}

}  // namespace
}  // namespace locum::tests::wake_model_test
