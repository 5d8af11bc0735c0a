#include <gtest/gtest.h>

#include <array>
#include <compare>
#include <string>
#include <utility>

#include "tests/shm/state_space.hpp"

// Kept: this model has not been replaced by one that runs the library's own code, as tests/shm/interleavings
// do: Progress sleeps on condition variables and in the transport, which that scheduler does not have.
//
// A model of Progress: two threads that each send a request and wait for the reply, the helper thread, and
// another rank's request that may arrive at any time; each section under the mutex, and each call of the
// transport, is one step, in every interleaving. From any moment on threads may leave so soon after one
// another that they relieve the helper. Time passes only where the helper pauses for a moment; no wait for a
// reply ends by its deadline, and the helper's pause ends only if it is woken.
//
// Invariant: a submitted request is sent before any thread sleeps for another one's reply; whatever arrives
// is received, and no thread waits for a completed request: in each state in which no thread can step, both
// have their replies, nothing is left to receive, and the helper sleeps in the armed transport. The helper
// does not repeat its turns while another thread sleeps in the armed transport.
namespace locum::tests::progress_model_test {
namespace {

enum class Fault {
  none,
  leaves_without_arming,
  leaves_unarmed_where_somebody_parks,
  sleeps_without_arming,
  sleeps_though_something_was_submitted,
  does_not_wake_the_sleeper,
  does_not_wake_the_parked,
  parks_without_looking,
  calls_nobody_at_the_end,
  helper_parks_without_a_word,
  helper_forgets_to_arm,
  relieves_without_a_word,
  helper_does_not_rest,
};

constexpr int helper = 2;
constexpr int nobody = -1;
constexpr int foreign = 2;  // the other rank's request, beside replies 0 and 1

struct Thread {
  int at = 0;
  bool drives = false;
  bool armed = false;  // leave()'s local copy
  auto operator<=>(const Thread&) const = default;
};

struct ProgressModel {
  Fault fault = Fault::none;

  // Progress
  bool driven = false;
  int asleep = nobody;
  int parked_first = nobody;
  int parked_second = nobody;
  std::array<bool, 2> submitted{};
  std::array<bool, 2> done{};
  std::array<bool, 2> notified{};
  bool helper_parked = false;
  bool relieved = false;
  bool in_a_row = false;            // threads leave soon after one another
  bool waited_since_drive = false;  // waits_ against what the helper has seen
  bool waited_since_rest = false;
  bool helper_turns_in_vain = false;
  // Transport
  std::array<bool, 2> outstanding{};
  std::array<bool, 3> inbox{};
  bool foreign_came = false;
  bool armed = false;
  bool signal = false;
  bool woken = false;

  std::array<Thread, 3> threads_{};

  auto operator<=>(const ProgressModel&) const = default;

  [[nodiscard]] int threads() const { return 5; }
  [[nodiscard]] int events() const { return 2; }
  [[nodiscard]] std::string wrong() const {
    if (helper_turns_in_vain) {
      return "the helper does not rest although another thread sleeps in the armed transport";
    }
    const bool helper_is_away = threads_[helper].at == 106 || threads_[helper].at >= 110;
    for (std::size_t each = 0; each < 2; ++each) {
      const bool waits = submitted[each] && threads_[each].at == 11 && !notified[each];
      if (waits && !driven && !signal && !woken && helper_is_away && threads_[1 - each].at == 7) {
        return "a request is not sent before another one's reply comes";
      }
    }
    return {};
  }
  [[nodiscard]] bool finished() const {
    return threads_[0].at == 31 && threads_[1].at == 31 && !anything() && threads_[helper].at == 106;
  }

  bool happen(int event) {
    if (event == 1) {
      return !std::exchange(in_a_row, true);
    }
    if (foreign_came) {
      return false;
    }
    foreign_came = true;
    arrive(foreign);
    return true;
  }
  bool step(int thread) {
    if (thread >= 3) {
      return bring_answer(thread - 3);
    }
    return thread == helper ? help(threads_[helper])
                            : ask(thread, threads_[static_cast<std::size_t>(thread)]);
  }

 private:
  [[nodiscard]] bool anything() const { return inbox[0] || inbox[1] || inbox[2]; }
  [[nodiscard]] bool others_wait() const { return asleep != nobody || parked_first != nobody; }
  [[nodiscard]] bool any_submitted() const { return submitted[0] || submitted[1]; }

  void arrive(int what) {
    inbox[static_cast<std::size_t>(what)] = true;
    signal = signal || armed;
    armed = false;
  }
  bool bring_answer(int number) {
    bool& asked = outstanding[static_cast<std::size_t>(number)];
    if (!asked) {
      return false;
    }
    asked = false;
    arrive(number);
    return true;
  }
  [[nodiscard]] bool arm() {
    if (anything()) {
      return false;
    }
    armed = true;
    return true;
  }
  void take_submitted() {
    for (std::size_t each = 0; each < 2; ++each) {
      outstanding[each] = outstanding[each] || submitted[each];
      submitted[each] = false;
    }
  }
  // RpcChannel::step with Progress::finish: whether anything happened.
  bool move_messages() {
    const bool busy = anything();
    armed = signal = false;
    for (int each = 0; each < 2; ++each) {
      if (inbox[static_cast<std::size_t>(each)]) {
        done[static_cast<std::size_t>(each)] = true;
        if (asleep == each) {
          woken = woken || fault != Fault::does_not_wake_the_sleeper;
        } else if (fault != Fault::does_not_wake_the_parked) {
          notified[static_cast<std::size_t>(each)] = true;
        }
      }
    }
    inbox = {};
    return busy;
  }
  [[nodiscard]] bool somebody_watches() const { return asleep != nobody && !relieved; }
  void call_somebody() {
    if (driven || somebody_watches()) {
      return;
    }
    if (parked_first != nobody) {
      notified[static_cast<std::size_t>(parked_first)] = true;
    } else {
      helper_parked = false;
    }
  }
  void park(int thread) {
    (parked_first == nobody ? parked_first : parked_second) = thread;
    notified[static_cast<std::size_t>(thread)] = false;
  }
  void unpark(int thread) {
    if (parked_first == thread) {
      parked_first = parked_second;
    }
    parked_second = nobody;
  }

  // Steps 20 to 23 of both: true when it has left.
  bool leave(Thread& me, int base) {
    switch (me.at - base) {
      case 0: {
        const bool relieves =
            somebody_watches() && asleep == helper && in_a_row && !me.armed && !any_submitted();
        if (relieves) {
          relieved = true;
          woken = woken || fault != Fault::relieves_without_a_word;
        }
        const bool enough = !somebody_watches() || me.armed || fault == Fault::leaves_without_arming ||
                            (fault == Fault::leaves_unarmed_where_somebody_parks && parked_first != nobody);
        if (!any_submitted() && enough) {
          driven = false;
          me.armed = false;
          call_somebody();
          return true;
        }
        me.at = base + 1;
        return false;
      }
      case 1:
        me.armed = !any_submitted() && arm();
        me.at = me.armed ? base : base + 2;
        return false;
      case 2:
        take_submitted();
        me.at = base + 3;
        return false;
      default:
        move_messages();
        me.at = base;
        return false;
    }
  }

  // Progress::wait.
  bool ask(int number, Thread& me) {
    const auto own = static_cast<std::size_t>(number);
    switch (me.at) {
      case 0:
        submitted[own] = true;
        me.at = 1;
        return true;
      case 1:
        waited_since_drive = waited_since_rest = true;
        me.at = 2;
        return true;
      case 2:
        if (done[own]) {
          me.at = me.drives ? 20 : 30;
        } else if (me.drives || !driven) {
          driven = me.drives = true;
          me.at = 3;
        } else {
          me.at = 10;
        }
        return true;
      case 3:
        take_submitted();
        me.at = 4;
        return true;
      case 4: {
        const bool busy = move_messages();
        me.at = done[own] ? 2 : busy ? 3 : 5;
        return true;
      }
      case 5:
        me.at = fault == Fault::sleeps_without_arming || arm() ? 6 : 3;
        return true;
      case 6:
        if (any_submitted() && fault != Fault::sleeps_though_something_was_submitted) {
          me.at = 3;
          return true;
        }
        driven = me.drives = false;
        me.at = asleep == nobody ? 7 : 10;
        asleep = asleep == nobody ? number : asleep;
        relieved = false;
        return true;
      case 7:
        if (!signal && !woken) {
          return false;
        }
        woken = false;
        me.at = 8;
        return true;
      case 8:
        asleep = nobody;
        me.at = 2;
        return true;
      case 10:
        if ((done[own] || (!driven && !somebody_watches())) && fault != Fault::parks_without_looking) {
          me.at = 2;
        } else {
          park(number);
          me.at = 11;
        }
        return true;
      case 11:
        if (!notified[own]) {
          return false;
        }
        unpark(number);
        me.at = 2;
        return true;
      case 20:
      case 21:
      case 22:
      case 23:
        if (leave(me, 20)) {
          me.drives = false;
          me.at = 30;
        }
        return true;
      case 30:
        if (fault != Fault::calls_nobody_at_the_end) {
          call_somebody();
        }
        me.at = 31;
        return true;
      default:
        return false;
    }
  }

  // Progress::help.
  bool help(Thread& me) {
    switch (me.at) {
      case 0:
        me.at = driven ? 110 : 101;
        driven = true;
        return true;
      case 101:
        take_submitted();
        me.at = 102;
        return true;
      case 102:
        me.at = move_messages() ? 101 : 103;
        return true;
      case 103:
        me.at = waited_since_drive || (others_wait() && fault != Fault::helper_does_not_rest) ? 120 : 104;
        waited_since_drive = false;
        return true;
      case 104:
        me.armed = fault == Fault::helper_forgets_to_arm || arm();
        me.at = 105;
        return true;
      case 105:
        driven = false;
        if (me.armed && !any_submitted() && asleep == nobody && parked_first == nobody) {
          asleep = helper;
          me.at = 106;
        } else {
          helper_turns_in_vain = me.armed && !any_submitted() && asleep != nobody;
          call_somebody();
          me.at = 0;
        }
        me.armed = false;
        return true;
      case 106:
        if (!signal && !woken) {
          return false;
        }
        woken = false;
        me.at = 107;
        return true;
      case 107:
        asleep = nobody;
        me.at = std::exchange(relieved, false) ? 110 : 0;
        return true;
      case 110:
        waited_since_rest = false;
        me.at = 111;
        return true;
      case 111:  // a moment has passed
        me.at = 0;
        if (!waited_since_rest && (driven || asleep != nobody)) {
          helper_parked = fault != Fault::helper_parks_without_a_word;
          me.at = 112;
        }
        return true;
      case 112:
        if (helper_parked || fault == Fault::helper_parks_without_a_word) {
          return false;
        }
        me.at = 0;
        return true;
      case 120:
      case 121:
      case 122:
      case 123:
        if (leave(me, 120)) {
          me.at = 110;
        }
        return true;
      default:
        return false;
    }
  }
};

TEST(ProgressModel, WhateverComesIsTakenInAnyInterleaving) {
  const Walk walk = walk_all(ProgressModel{});
  EXPECT_EQ(walk.wrong, "");
  EXPECT_GT(walk.states, 10'000U);
  RecordProperty("states", static_cast<int>(walk.states));
}

TEST(ProgressModel, SeesEachWrongStep) {
  for (const Fault fault :
       {Fault::leaves_without_arming, Fault::leaves_unarmed_where_somebody_parks,
        Fault::sleeps_without_arming, Fault::does_not_wake_the_sleeper, Fault::does_not_wake_the_parked,
        Fault::parks_without_looking, Fault::calls_nobody_at_the_end, Fault::helper_parks_without_a_word,
        Fault::helper_forgets_to_arm, Fault::relieves_without_a_word}) {
    ProgressModel model;
    model.fault = fault;
    EXPECT_EQ(walk_all(model).wrong, "no thread can take a step") << static_cast<int>(fault);
  }
  for (const Fault fault : {Fault::sleeps_though_something_was_submitted, Fault::helper_does_not_rest}) {
    ProgressModel model;
    model.fault = fault;
    EXPECT_NE(walk_all(model).wrong, "") << static_cast<int>(fault);
  }
}

}  // namespace
}  // namespace locum::tests::progress_model_test
