#include <gtest/gtest.h>

#include <array>
#include <compare>
#include <cstddef>
#include <string>

#include "tests/shm/state_space.hpp"

// Kept beside NameInterleavings.TellWhoWatches, which runs the library's own code: only this model detects a
// process that looks up before it watches, or looks up one name only, which is the caller's part
// (core/server, core/detail), outside of shm.
//
// A model of watching names (NameWatch, and its use by NameTable): a process that watches two names in two
// shards, and a writer for each, in every interleaving of a sequentially consistent memory; one of the
// writers may die at any step, and then an adopter finishes its change. The sleep is a futex.
//
// Invariant: the process does not stay asleep while a name that it watches is bound.
namespace locum::tests::name_watch_model_test {
namespace {

enum class Fault {
  none,
  looks_before_it_watches,
  tells_before_it_links,
  looks_only_for_one,
  adopter_does_not_ring,
  adopter_asks_the_flag,
};

struct NameWatchModel {
  Fault fault = Fault::none;

  std::array<bool, 2> intended{};  // what a survivor must link
  std::array<bool, 2> linked{};
  std::array<bool, 2> watched{};  // the shards'
  bool watching = false;          // the process's
  int news = 0;
  bool asleep = false;

  int watcher = 0;  // three steps for each name, then the sleep
  int heard = 0;
  std::array<bool, 2> found{};
  struct Writer {
    int at = 0;
    bool takes = false;
    bool dead = false;
    auto operator<=>(const Writer&) const = default;
  };
  std::array<Writer, 2> writers{};
  bool died = false;
  int adopter = 0;

  auto operator<=>(const NameWatchModel&) const = default;

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
  // Nothing is found only if the writer died before its intent was visible.
  [[nodiscard]] bool finished() const {
    for (std::size_t name = 0; name < 2; ++name) {
      if (!found[name] && (intended[name] || !writers[name].dead)) {
        return false;
      }
    }
    return true;
  }

  bool step(int thread) {
    return thread == 0 ? watch() : thread == 3 ? adopt() : write(static_cast<std::size_t>(thread - 1));
  }

  bool watch() {
    if (asleep || finished()) {
      return false;
    }
    if (watcher == 6) {
      asleep = news == heard;
      heard = news;
      watcher = 0;
      return true;
    }
    const auto name = static_cast<std::size_t>(watcher / 3);
    constexpr std::array<std::array<int, 3>, 2> orders{{{0, 1, 2}, {2, 0, 1}}};
    const auto& order = orders[fault == Fault::looks_before_it_watches ? 1 : 0];
    switch (order[static_cast<std::size_t>(watcher % 3)]) {
      case 0:
        watching = true;
        break;
      case 1:
        watched[name] = true;
        break;
      default:
        found[name] =
            found[name] || (linked[name] && !(fault == Fault::looks_only_for_one && name == 1 && heard > 0));
        break;
    }
    ++watcher;
    return true;
  }

  bool write(std::size_t name) {
    Writer& me = writers[name];
    if (me.dead) {
      return false;
    }
    switch (me.at) {
      case 0:
        intended[name] = true;
        break;
      case 1:
        if (fault != Fault::tells_before_it_links) {
          linked[name] = true;
        }
        break;
      case 2:
        me.takes = watched[name];
        watched[name] = false;
        break;
      case 3:
        if (me.takes) {
          me.takes = watching;
          watching = false;
        }
        break;
      case 4:
        news += me.takes ? 1 : 0;
        break;
      case 5:
        asleep = asleep && !me.takes;
        break;
      case 6:
        linked[name] = true;
        break;
      default:
        return false;
    }
    ++me.at;
    return true;
  }

  // NameTable::repair: finishes, counts, wakes.
  bool adopt() {
    if (!died || adopter == 3) {
      return false;
    }
    const bool rings =
        fault != Fault::adopter_does_not_ring && (fault != Fault::adopter_asks_the_flag || watching);
    if (adopter == 0) {
      for (std::size_t name = 0; name < 2; ++name) {
        linked[name] = linked[name] || (intended[name] && writers[name].dead);
      }
    } else if (adopter == 1) {
      news += rings ? 1 : 0;
    } else {
      asleep = asleep && !rings;
    }
    ++adopter;
    return true;
  }
};

TEST(NameWatchModel, NobodySleepsOnInAnyInterleaving) {
  const Walk walk = walk_all(NameWatchModel{});
  EXPECT_EQ(walk.wrong, "");
  EXPECT_GT(walk.states, 1'000U);
}

TEST(NameWatchModel, SeesEachWrongOrder) {
  for (const Fault fault :
       {Fault::looks_before_it_watches, Fault::tells_before_it_links, Fault::looks_only_for_one,
        Fault::adopter_does_not_ring, Fault::adopter_asks_the_flag}) {
    NameWatchModel model;
    model.fault = fault;
    EXPECT_EQ(walk_all(model).wrong, "no thread can take a step") << static_cast<int>(fault);
  }
}

}  // namespace
}  // namespace locum::tests::name_watch_model_test
