#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>
#include <tuple>

#include "tests/shm/state_space.hpp"

// A model of how dead entries come back to their owner (ObjectTable::tombstone, recover and adopt, and
// DeadEntries): two slots of one owner, used again while it lives; two processes that tombstone two objects
// each and hand them back over the stack, in every interleaving of a sequentially consistent memory. One of
// the two and the owner may die at any step; the owner recovers what the one had in its hand, an adopter
// takes over from the other. Nobody pins here (interleavings/pins_test.cpp).
//
// Invariants: whoever writes a link or pushes an entry of a living owner finds its own tombstone in it; no
// entry stands on the stack twice; what is freed is a tombstone; at the end no tombstone is left.
//
// Weaker than sequentially consistent in the code are the link and the push, which only carry data to the
// owner; AdoptionStress shows that to ThreadSanitizer.
namespace locum::tests::retired_model_test {
namespace {

enum class Fault {
  none,
  no_recovery,
  recovers_from_the_living,
  recovers_without_a_second_look,
  frees_before_it_takes_the_stack,
  adopter_uses_slots_again,
  adopter_takes_the_stack_only,
  adopter_does_not_recover,
  frees_without_a_look,
  pushes_without_comparing,
};

struct RetiredModel {
  static constexpr std::size_t slots = 2;
  static constexpr std::int8_t last_sequence = 3;
  static constexpr std::int8_t mortal = 1;  // the process that may die, as its tombstones name it

  Fault fault = Fault::none;

  // Shared memory.
  enum class State : std::int8_t { free, live, tombstone };
  struct Slot {
    State state = State::live;
    std::int8_t by = 0;
    std::int8_t sequence = 1;
    std::int8_t link = 0;
    auto operator<=>(const Slot&) const = default;
  };
  std::array<Slot, slots> entries{};
  std::int8_t head = 0;

  // Private to the owner, or to who adopted the share.
  std::array<bool, slots> known{};
  bool locked = false;  // by the recovering thread
  std::int8_t collecting = 0;
  std::int8_t reuse = 0;  // slot + 1 that is about to be used again
  std::int8_t recovery = 0;
  std::array<bool, slots> candidates{};

  struct Pusher {
    std::int8_t at = 0;
    std::int8_t op = 0;
    std::int8_t first = 0;
    bool dead = false;
    auto operator<=>(const Pusher&) const = default;
  };
  std::array<Pusher, 2> pushers{};
  bool owner_dead = false;
  std::int8_t adoption = 0;
  const char* broken = "";

  auto operator<=>(const RetiredModel& other) const {
    return std::tie(entries, head, known, locked, collecting, reuse, recovery, candidates, pushers,
                    owner_dead, adoption,
                    broken) <=> std::tie(other.entries, other.head, other.known, other.locked,
                                         other.collecting, other.reuse, other.recovery, other.candidates,
                                         other.pushers, other.owner_dead, other.adoption, other.broken);
  }
  bool operator==(const RetiredModel& other) const { return (*this <=> other) == 0; }

  [[nodiscard]] std::string wrong() const { return broken; }
  [[nodiscard]] bool finished() const {
    return std::ranges::none_of(entries, [](const Slot& slot) { return slot.state == State::tombstone; });
  }

  [[nodiscard]] int events() const { return 2; }
  bool happen(int event) {
    if (event == 0 && !pushers[0].dead) {
      return pushers[0].dead = true;
    }
    if (event == 1 && !owner_dead) {
      known = candidates = {};
      locked = false;
      collecting = reuse = recovery = 0;
      return owner_dead = true;
    }
    return false;
  }

  [[nodiscard]] int threads() const { return 4; }
  bool step(int thread) {
    return thread < 2 ? push(static_cast<std::size_t>(thread)) : thread == 2 ? collect() : after_deaths();
  }

  [[nodiscard]] bool on_stack(std::size_t slot) const {
    std::int8_t next = head;
    for (std::size_t steps = 0; next != 0 && steps <= slots; ++steps) {
      if (next == static_cast<std::int8_t>(slot + 1)) {
        return true;
      }
      next = entries[static_cast<std::size_t>(next - 1)].link;
    }
    return false;
  }

  static std::int8_t number_of(std::size_t pusher) {
    return static_cast<std::int8_t>(mortal + static_cast<int>(pusher));
  }

  // tombstone(): the first takes slot 0, then 1; the second the other way round.
  bool push(std::size_t who) {
    Pusher& me = pushers[who];
    if (me.dead || me.op == 2) {
      return false;
    }
    const std::size_t slot =
        who == 0 ? static_cast<std::size_t>(me.op) : 1U - static_cast<std::size_t>(me.op);
    Slot& entry = entries[slot];
    const auto number = static_cast<std::int8_t>(slot + 1);
    if (me.at > 0 && !owner_dead && (entry.state != State::tombstone || entry.by != number_of(who))) {
      broken = "an entry was taken out of the hand that was about to push it";
    }
    switch (me.at) {
      case 0:
        if (entry.state == State::live) {
          entry.state = State::tombstone;
          entry.by = number_of(who);
          me.at = 1;
        } else {
          ++me.op;
        }
        return true;
      case 1:
        me.first = head;
        me.at = 2;
        return true;
      case 2:
        if (on_stack(slot)) {
          broken = "the link of an entry on the stack was written";
        }
        entry.link = me.first;
        me.at = 3;
        return true;
      default:
        if (fault != Fault::pushes_without_comparing && head != me.first) {
          me.first = head;
          me.at = 2;
          return true;
        }
        if (on_stack(slot)) {
          broken = "an entry stands on the stack twice";
        }
        head = number;
        me = {.at = 0, .op = static_cast<std::int8_t>(me.op + 1), .first = 0, .dead = false};
        return true;
    }
  }

  void take_stack() {
    for (std::size_t steps = 0; head != 0 && steps <= slots; ++steps) {
      known[static_cast<std::size_t>(head - 1)] = true;
      head = entries[static_cast<std::size_t>(head - 1)].link;
    }
    head = 0;
  }
  [[nodiscard]] bool adopted() const { return adoption == static_cast<std::int8_t>(slots + 1); }
  [[nodiscard]] bool may_free(std::size_t slot) const {
    return known[slot] && (collecting == 1 || fault == Fault::frees_before_it_takes_the_stack);
  }

  // collect(), by the owner or its adopter: takes the stack, frees what it knows one by one, uses one again.
  bool collect() {
    if (owner_dead && !adopted()) {
      return false;
    }
    if (reuse != 0) {  // publish(), which needs no lock for this
      Slot& entry = entries[static_cast<std::size_t>(reuse - 1)];
      if (entry.state == State::free && entry.sequence < last_sequence) {
        entry = {.state = State::live, .by = 0, .sequence = ++entry.sequence, .link = entry.link};
      }
      reuse = 0;
      return true;
    }
    if (locked) {
      return false;
    }
    if (collecting == 0 && fault != Fault::frees_before_it_takes_the_stack) {
      if (head == 0 && std::ranges::none_of(known, [](bool each) { return each; })) {
        return false;
      }
      take_stack();
      collecting = 1;
      return true;
    }
    for (std::size_t slot = 0; slot < slots; ++slot) {
      if (may_free(slot)) {
        Slot& entry = entries[slot];
        known[slot] = false;
        if (entry.state == State::tombstone || fault == Fault::frees_without_a_look) {
          if (entry.state != State::tombstone) {
            broken = "what is no tombstone was freed";
          }
          entry.state = State::free;
          if (!owner_dead || fault == Fault::adopter_uses_slots_again) {
            reuse = static_cast<std::int8_t>(slot + 1);
          }
        }
        return true;
      }
    }
    if (collecting == 0 && head != 0) {
      take_stack();
      return true;
    }
    const bool went = collecting != 0;
    collecting = 0;
    return went;
  }

  // recover() by the owner, or by who adopted its share; adopt().
  bool after_deaths() {
    if (owner_dead && !adopted()) {
      return adopt();
    }
    if (!pushers[0].dead || fault == Fault::no_recovery ||
        (owner_dead && fault == Fault::adopter_does_not_recover)) {
      return false;
    }
    const auto found = [&](std::size_t slot) {
      return entries[slot].state == State::tombstone &&
             (entries[slot].by == mortal || fault == Fault::recovers_from_the_living);
    };
    switch (recovery) {
      case 0:
      case 1:  // without the lock, one entry after the other
        candidates[static_cast<std::size_t>(recovery)] = found(static_cast<std::size_t>(recovery));
        ++recovery;
        return true;
      case 2:
        if (collecting != 0) {
          return false;  // the collecting thread has the lock
        }
        locked = true;
        ++recovery;
        return true;
      case 3:
        for (std::size_t slot = 0; slot < slots; ++slot) {
          const bool again = entries[slot].state == State::tombstone &&
                             (found(slot) || fault == Fault::recovers_without_a_second_look);
          if (candidates[slot] && again) {
            known[slot] = true;
          }
        }
        locked = false;
        ++recovery;
        return true;
      default:
        return false;
    }
  }

  bool adopt() {
    const auto slot = static_cast<std::size_t>(adoption);
    if (slot < slots && entries[slot].state == State::tombstone &&
        fault != Fault::adopter_takes_the_stack_only) {
      known[slot] = true;
    }
    ++adoption;
    return true;
  }
};

TEST(RetiredModel, EachDeadEntryComesBackOnceInAnyInterleaving) {
  const Walk walk = walk_all(RetiredModel{});
  EXPECT_EQ(walk.wrong, "");
  EXPECT_GT(walk.states, 10'000U);
}

TEST(RetiredModel, SeesEachPartThatIsMissing) {
  for (const Fault fault :
       {Fault::no_recovery, Fault::recovers_from_the_living, Fault::recovers_without_a_second_look,
        Fault::frees_before_it_takes_the_stack, Fault::adopter_uses_slots_again,
        Fault::adopter_takes_the_stack_only, Fault::adopter_does_not_recover, Fault::frees_without_a_look,
        Fault::pushes_without_comparing}) {
    RetiredModel model;
    model.fault = fault;
    EXPECT_NE(walk_all(model).wrong, "") << static_cast<int>(fault);
  }
}

}  // namespace
}  // namespace locum::tests::retired_model_test
