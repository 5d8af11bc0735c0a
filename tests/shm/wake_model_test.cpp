#include <gtest/gtest.h>

#include <array>
#include <compare>
#include <string>

#include "tests/shm/state_space.hpp"

// A model of waiting for a name (NameTable::wait and bind): one waiter, two writers of the same shard of whom
// only the second binds the name waited for, in every interleaving. The sleep is a futex: it compares the
// word and falls asleep in one step. Nobody may be left asleep when the name is there.
namespace locum::tests {
namespace {

enum class Fault { none, counts_before_it_takes, waits_before_it_reads, looks_before_it_waits };

struct WakeModel {
  Fault fault = Fault::none;

  bool linked = false;  // the name waited for
  int waiting = 0;
  int published = 0;
  bool asleep = false;

  int waiter = 0;
  int seen = 0;
  bool found = false;
  struct Writer {
    int at = 0;
    bool took = false;
    auto operator<=>(const Writer&) const = default;
  };
  std::array<Writer, 2> writers{};

  auto operator<=>(const WakeModel&) const = default;

  [[nodiscard]] int threads() const { return 3; }
  [[nodiscard]] std::string wrong() const { return {}; }
  [[nodiscard]] bool finished() const { return found; }

  bool step(int thread) { return thread == 0 ? wait() : write(thread - 1); }

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
        if (fault == Fault::none || fault == Fault::counts_before_it_takes) {
          waiting = 1;
        } else {
          seen = published;
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
    const bool counts_first = fault == Fault::counts_before_it_takes;
    switch (me.at) {
      case 0:
        linked = linked || writer == 1;
        me.at = 1;
        return true;
      case 1:
        if (counts_first) {
          ++published;
        } else {
          me.took = waiting != 0;
          waiting = 0;
        }
        me.at = me.took || counts_first ? 2 : 4;
        return true;
      case 2:
        if (counts_first) {
          me.took = waiting != 0;
          waiting = 0;
        } else {
          ++published;
        }
        me.at = me.took ? 3 : 4;
        return true;
      case 3:
        asleep = false;
        me.at = 4;
        return true;
      default:
        return false;
    }
  }
};

TEST(WakeModel, NobodySleepsOnInAnyInterleaving) {
  const Walk walk = walk_all(WakeModel{});
  EXPECT_EQ(walk.wrong, "");
  EXPECT_GT(walk.states, 100U);
}

TEST(WakeModel, SeesEachWrongOrder) {
  for (const Fault fault :
       {Fault::counts_before_it_takes, Fault::waits_before_it_reads, Fault::looks_before_it_waits}) {
    WakeModel model;
    model.fault = fault;
    EXPECT_EQ(walk_all(model).wrong, "nobody can go on") << static_cast<int>(fault);
  }
}

}  // namespace
}  // namespace locum::tests
