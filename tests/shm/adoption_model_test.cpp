#include <gtest/gtest.h>

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>

#include "tests/shm/state_space.hpp"

// Kept beside AdoptionInterleavings, which run the library's own code: only this model detects that the two
// words of an intent are read in the order in which they are written, or that the generation is not checked
// again after them. A sample of the library's many interleavings rarely shows these errors.
//
// A model of adoption (NameTable::repair, ObjectTable::drop_pins and adopt, DirectoryShard::is_to_bind): two
// threads of a process each put an object with the same name, and die together at any step; a writer of the
// same shard replaces that name and removes it, and may thereby inherit the lock; a viewer reads one of the
// objects; an adopter repairs, drops the pins, scans the entries and takes over the memory, and may itself
// die at any step, as may the writer: the next adopter repeats everything. In every interleaving of a
// sequentially consistent memory.
//
// Invariants: at the end each object of the dead process has its name, or is gone and its memory free; the
// record names a live object; no block of an object that is live or viewed was freed, at any time; the dead
// process has no pins.
//
// The reads of the intent without the lock are acquires of releases in the code, in the order of the model.
namespace locum::tests {
namespace {

enum class Fault {
  none,
  adopter_does_not_repair,
  gives_up_what_is_intended,
  looks_at_the_generation_first_only,
  trusts_any_step,
  reads_the_intent_in_order,
  does_not_give_up_anything,
  tells_no_tombstones,
  pins_stay,
  next_one_goes_on_where_the_last_stopped,
};

using Small = std::int8_t;

struct AdoptionModel {
  enum class State : Small { none, live, tombstone, gone };
  enum class Step : Small { none, insert, replace, remove };
  struct Object {
    State state = State::none;
    bool bound = false;
    bool pinned = false;  // by the process that dies
    bool viewed = false;  // by a living one
    bool memory = false;  // its block is in use, according to the owner's records
    auto operator<=>(const Object&) const = default;
  };
  static constexpr std::size_t own = 2;  // objects 0 and 1 are the dying process's, 2 and 3 the writer's
  static constexpr std::size_t objects = 4;
  struct Intent {
    Step step = Step::none;
    Small creator = -1;
    Small serial = -1;
    Small old = -1;
    auto operator<=>(const Intent&) const = default;
  };

  Fault fault = Fault::none;

  // Shared memory.
  std::array<Object, objects> all{};
  Small record = -1;  // the object that has the name
  Intent intent{};
  Small holder = -1;
  bool inherited = false;

  struct Thread {
    Small at = 0;
    Small op = 0;
    Small finishing = 0;
    bool dead = false;
    auto operator<=>(const Thread&) const = default;
  };
  std::array<Thread, 2> dying{};
  Thread writer{.op = 1};
  Small viewer = 0;
  struct Adopter {
    Small at = 0;
    Small finishing = 0;
    Small slot = 0;
    Small seen = 0;  // what it read of the intent
    bool unbound = false;
    std::array<bool, own> told{};  // blocks in use
    std::array<bool, own> dead{};  // entries to free
    auto operator<=>(const Adopter&) const = default;
  };
  Adopter adopter{};
  Small adopters_died = 0;
  bool took_over = false;
  Small repairs_due = 0;
  const char* broken = "";

  auto operator<=>(const AdoptionModel&) const = default;

  static constexpr Small adopting = 3;
  static std::size_t at(Small number) { return static_cast<std::size_t>(number); }

  [[nodiscard]] std::string wrong() const { return broken; }
  [[nodiscard]] int events() const { return 3; }
  bool happen(int event) {
    if (event == 0 && !dead()) {
      dying = {Thread{.op = 2, .dead = true}, Thread{.op = 2, .dead = true}};
      release(0);
      release(1);
      repairs_due = 1;
      return true;
    }
    if (event == 1 && !writer.dead) {
      writer = {.op = 3, .dead = true};
      release(2);
      repairs_due = 1;
      return true;
    }
    if (event != 2 || !dead() || adopters_died == 1) {
      return false;
    }
    ++adopters_died;
    release(adopting);
    repairs_due = 1;
    took_over = false;
    adopter = fault == Fault::next_one_goes_on_where_the_last_stopped ? Adopter{.at = 1, .slot = adopter.slot}
                                                                      : Adopter{};
    return true;
  }
  void release(Small who) {
    if (holder == who) {
      holder = -1;
      inherited = true;
    }
  }
  [[nodiscard]] bool dead() const { return dying[0].dead; }
  [[nodiscard]] int threads() const { return 5; }
  bool step(int thread) {
    switch (thread) {
      case 0:
      case 1:  // the object's serial is the thread's number
        return dying[static_cast<std::size_t>(thread)].op == 0 &&
               put(dying[static_cast<std::size_t>(thread)], 0, static_cast<Small>(thread), false,
                   static_cast<Small>(thread));
      case 2:  // first another object of serial 1, then nothing
        return writer.op < 3 && put(writer, 1, 1, writer.op == 2, 2);
      case 3:
        return view();
      default:
        return adopt();
    }
  }

  bool view() {
    Object& object = all[0];
    if (viewer == 0 && object.state == State::live) {
      object.viewed = true;
    } else if (viewer == 1) {
      if (!object.memory) {
        broken = "the block of a viewed object was given away";
      }
      object.viewed = false;
    } else {
      return false;
    }
    ++viewer;
    return true;
  }

  bool lock(Small who, Small& finishing) {
    if (holder != -1) {
      return false;
    }
    holder = who;
    finishing = inherited ? 1 : 0;
    return true;
  }
  [[nodiscard]] Small named() const {
    return record >= 0 && all[at(record)].state == State::live && all[at(record)].bound ? record : Small{-1};
  }
  void tombstone(Small object) {
    if (object >= 0 && all[at(object)].state == State::live) {
      all[at(object)].state = State::tombstone;
    }
  }
  [[nodiscard]] static Small object_of(Small creator, Small serial) {
    return static_cast<Small>(creator * static_cast<Small>(own) + serial);
  }

  // NameTable::finish, reduced to the writes that others can see.
  void finish(Small& progress) {
    const bool binds = intent.step == Step::insert || intent.step == Step::replace;
    switch (progress) {
      case 1:
        if (binds) {
          all[at(object_of(intent.creator, intent.serial))].bound = true;
        }
        break;
      case 2:
        record = binds                         ? object_of(intent.creator, intent.serial)
                 : intent.step == Step::remove ? Small{-1}
                                               : record;
        break;
      case 3:
        if (intent.step == Step::replace || intent.step == Step::remove) {
          tombstone(intent.old);
        }
        break;
      case 4:
        intent.step = Step::none;
        break;
      default:
        inherited = false;
        progress = 0;
        return;
    }
    ++progress;
  }

  // Binds or removes the name; `holder` distinguishes threads.
  bool put(Thread& me, Small creator, Small serial, bool removes, Small as) {
    if (me.finishing != 0) {
      finish(me.finishing);
      return true;
    }
    const Small object = object_of(creator, serial);
    switch (me.at) {
      case 0:
        if (!removes) {
          all[at(object)] = {.state = State::live, .pinned = creator == 0, .memory = true};
        }
        break;
      case 1:
        if (!lock(as, me.finishing)) {
          return false;
        }
        break;
      case 2:
        if (removes && named() == -1) {
          me.at = 9;
          return true;
        }
        intent.old = named();
        if (!removes) {
          intent.creator = creator;
        }
        break;
      case 3:
        intent.serial = removes ? intent.serial : serial;
        break;
      case 4:
        intent.step = removes ? Step::remove : intent.old >= 0 ? Step::replace : Step::insert;
        break;
      case 5:
      case 6:
        // A bound name always names a bound object; a new binding is valid once its generation is set.
        if (!removes && (me.at == 5) == (intent.step == Step::replace)) {
          all[at(object)].bound = true;
        } else if (!removes) {
          record = object;
        } else if (me.at == 5) {
          tombstone(intent.old);
        } else {
          record = -1;
        }
        break;
      case 7:
        if (!removes) {
          tombstone(intent.old);
        }
        break;
      case 8:
        intent.step = Step::none;
        break;
      default:
        holder = -1;
        all[at(object)].pinned = false;
        me = {.op = static_cast<Small>(me.op + 1)};
        return true;
    }
    ++me.at;
    return true;
  }

  bool adopt() {
    if (adopter.finishing != 0) {
      finish(adopter.finishing);
      if (adopter.finishing == 0) {
        holder = -1;
      }
      return true;
    }
    if (repairs_due != 0 && fault != Fault::adopter_does_not_repair) {
      repairs_due = 0;
      if (lock(adopting, adopter.finishing) && adopter.finishing == 0) {
        holder = -1;
      }
      return true;
    }
    if (!dead()) {
      return false;
    }
    const auto next = [&] { return ++adopter.at, true; };
    constexpr Small scan = 1;
    constexpr Small take_over = 8;
    switch (adopter.at) {
      case 0:
        for (Object& object : all) {
          object.pinned = object.pinned && fault == Fault::pins_stay;
        }
        return next();
      default:
        return scan_entry(scan, take_over);
      case take_over:
        for (std::size_t index = 0; index < own; ++index) {
          if (all[index].state == State::live && !adopter.told[index]) {
            broken = "the block of a live object was given away";
          }
          all[index].memory = all[index].memory && adopter.told[index];
        }
        took_over = true;
        return next();
      case take_over + 1:  // collect(), with the stack: dead entries without a pin
        for (std::size_t index = 0; index < own; ++index) {
          Object& object = all[index];
          if (object.state == State::tombstone && !object.pinned && !object.viewed) {
            object.state = State::gone;
            object.memory = false;
            return true;
          }
        }
        return false;
    }
  }

  // One check of one entry, and of the intent that may name it.
  bool scan_entry(Small scan, Small take_over) {
    const auto index = at(adopter.slot);
    if (index == own) {
      adopter.at = take_over;
      return true;
    }
    Object& object = all[index];
    const auto next_entry = [&] {
      adopter.told[index] = object.state == State::live ||
                            (object.state == State::tombstone && fault != Fault::tells_no_tombstones);
      ++adopter.slot;
      adopter.at = scan;
      adopter.seen = 0;
      adopter.unbound = false;
      return true;
    };
    const bool in_order = fault == Fault::reads_the_intent_in_order;
    switch (adopter.at - scan) {
      case 0:
        if (object.state != State::live || object.bound || fault == Fault::does_not_give_up_anything) {
          return next_entry();
        }
        adopter.at = static_cast<Small>(scan + (fault == Fault::gives_up_what_is_intended ? 5 : 1));
        return true;
      case 1: {
        const bool binds = intent.step == Step::insert || intent.step == Step::replace;
        adopter.at = static_cast<Small>(scan + (binds || fault == Fault::trusts_any_step ? 2 : 4));
        return true;
      }
      case 2: {
        const bool same = in_order ? intent.creator == 0 : intent.serial == adopter.slot;
        adopter.at = static_cast<Small>(scan + (same ? 3 : 4));
        return true;
      }
      case 3: {
        const bool same = in_order ? intent.serial == adopter.slot : intent.creator == 0;
        if (same) {
          return next_entry();  // another process is about to bind it
        }
        adopter.at = static_cast<Small>(scan + 4);
        return true;
      }
      case 4:
        if (object.bound && fault != Fault::looks_at_the_generation_first_only) {
          return next_entry();
        }
        adopter.at = static_cast<Small>(scan + 5);
        return true;
      default:
        tombstone(static_cast<Small>(index));
        return next_entry();
    }
  }

  [[nodiscard]] bool finished() const {
    if (!dead()) {
      return true;  // it lived
    }
    if (!took_over || inherited || holder != -1 || intent.step != Step::none) {
      return false;
    }
    for (std::size_t index = 0; index < own; ++index) {
      const Object& object = all[index];
      const bool live = object.state == State::live;
      if (object.pinned || object.state == State::tombstone || live != object.memory ||
          live != (record == static_cast<Small>(index))) {
        return false;
      }
    }
    return record == -1 || all[at(record)].state == State::live;
  }
};

TEST(AdoptionModel, LosesAndLeaksNothingInAnyInterleaving) {
  const Walk walk = walk_all(AdoptionModel{});
  EXPECT_EQ(walk.wrong, "");
  EXPECT_GT(walk.states, 100'000U);
}

TEST(AdoptionModel, SeesEachPartThatIsMissing) {
  for (const Fault fault :
       {Fault::adopter_does_not_repair, Fault::gives_up_what_is_intended,
        Fault::looks_at_the_generation_first_only, Fault::trusts_any_step, Fault::reads_the_intent_in_order,
        Fault::does_not_give_up_anything, Fault::tells_no_tombstones, Fault::pins_stay,
        Fault::next_one_goes_on_where_the_last_stopped}) {
    AdoptionModel model;
    model.fault = fault;
    EXPECT_NE(walk_all(model).wrong, "") << static_cast<int>(fault);
  }
}

}  // namespace
}  // namespace locum::tests
