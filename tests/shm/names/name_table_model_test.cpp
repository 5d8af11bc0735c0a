#include <gtest/gtest.h>

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>

#include "tests/shm/state_space.hpp"

// A model of one bucket of a directory shard with its intent log (NameTable::bind, unbind, find, finish and
// repair; DirectoryShard's link, unlink and rebuild), write by write, in every interleaving of a sequentially
// consistent memory. Two writers of different processes do two operations each, a reader looks a name up
// twice; either writer, or both, may die at any step: who takes the lock next finishes what was intended, or
// else a survivor does so when it notices the death.
//
// Invariants: who finds a name finds a live object that was bound to it; who finds nothing did so at a moment
// when the name was not there; at the end each live object that is bound has one record in the chain, each
// record such an object, and chain and free list together are all records.
//
// All writes of the code are releases and all looks acquires; what the sequence has to order between them is
// shown on real cores by NameTable's stress tests.
namespace locum::tests::name_table_model_test {
namespace {

enum class Fault {
  none,
  reader_believes_unbound_objects,
  reader_ignores_the_sequence,
  writers_do_not_count,
  intends_too_late,
  clears_the_intent_too_early,
  inheritor_does_not_finish,
  inheritor_does_not_rebuild,
  finish_forgets_the_old_object,
  finish_forgets_the_generation,
  nobody_repairs,
};

using Small = std::int8_t;

constexpr std::size_t serials = 3;
constexpr std::size_t objects = 2 * serials;  // object = creator * serials + serial
constexpr std::size_t records = 3;
constexpr Small rounds = 2;  // of the reader

struct Operation {
  enum class Kind : Small { put, replace, unbind } kind = Kind::put;
  Small name = 0;
  Small serial = 0;  // of the object to bind
};

struct Scenario {
  std::array<Small, objects> name_of;
  std::array<std::array<Operation, 2>, 2> operations;
  Small wanted;
};

struct ShardModel {
  enum class Step : Small { none, insert, replace, remove };
  struct Object {
    bool live = true;
    bool bound = false;  // has a generation
    bool shown = false;  // was found in its chain once; not in memory
    auto operator<=>(const Object&) const = default;
  };
  struct Record {
    Small hash = 0;
    Small creator = 0;
    Small serial = 0;
    Small next = 0;
    auto operator<=>(const Record&) const = default;
  };
  struct Intent {
    Step step = Step::none;
    Small record = 0;
    Small hash = 0;
    Small creator = 0;
    Small serial = 0;
    Small old = 0;
    auto operator<=>(const Intent&) const = default;
  };
  struct Writer {
    Small at = 0;
    Small op = 0;
    Small finishing = 0;  // 0: not
    bool dead = false;
    auto operator<=>(const Writer&) const = default;
  };
  struct Reader {
    Small at = 0;
    Small round = 0;
    Small next = 0;
    Small creator = 0;
    Small finishing = 0;
    bool disturbed = false;  // the sequence was odd when the look began, or has changed since
    bool was_absent = false;
    auto operator<=>(const Reader&) const = default;
  };
  static constexpr Small nobody = -1;
  static constexpr Small reading = 2;  // the reader's process
  static constexpr Small under_lock = 7;
  static constexpr Small repairing = 3;  // another thread of it

  Fault fault = Fault::none;
  const Scenario* scenario = nullptr;

  std::array<Object, objects> all{};
  std::array<Record, records> record{};
  Small head = 0;
  Small free = 0;
  Small used = 0;
  bool odd = false;  // the sequence; that it changed is noted by the reader
  Intent intent{};
  Small holder = nobody;
  bool inherited = false;  // the last holder died
  std::array<Writer, 2> writers{};
  Reader reader{};
  Small deaths = 0;
  Small repairs = 0;
  Small repair_step = 0;
  const char* broken = "";

  auto operator<=>(const ShardModel&) const = default;

  [[nodiscard]] std::string wrong() const { return broken; }
  [[nodiscard]] int events() const { return 2; }
  bool happen(int event) {
    Writer& writer = writers[static_cast<std::size_t>(event)];
    if (writer.dead || writer.op == 2) {
      return false;
    }
    writer = {.op = 2, .dead = true};
    ++deaths;
    if (holder == event) {
      holder = nobody;
      inherited = true;
      intent = intent.step == Step::none ? Intent{} : intent;  // nobody looks at the rest then
    }
    return true;
  }
  [[nodiscard]] int threads() const { return 4; }
  bool step(int thread) {
    const bool went = thread < 2 ? write(static_cast<Small>(thread)) : thread == 2 ? read() : repair();
    if (went) {
      look_on();
    }
    return went;
  }

  static std::size_t at(Small number) { return static_cast<std::size_t>(number); }
  Object& object(Small creator, Small serial) { return all[at(creator) * serials + at(serial)]; }
  [[nodiscard]] Small name_of(std::size_t index) const { return scenario->name_of[index]; }
  [[nodiscard]] static std::size_t index_of(const Record& each) {
    return at(each.creator) * serials + at(each.serial);
  }

  // Under the lock: the record of a name, + 1.
  [[nodiscard]] Small walk(Small name) const {
    Small next = head;
    for (std::size_t steps = 0; next != 0 && steps <= records; ++steps) {
      const Record& each = record[at(next - 1)];
      const std::size_t index = index_of(each);
      if (each.hash == name && all[index].live && all[index].bound && name_of(index) == name) {
        return next;
      }
      next = each.next;
    }
    return 0;
  }
  // What an onlooker of all memory notes.
  void look_on() {
    bool there = false;
    if (const Small found = walk(scenario->wanted); found != 0) {
      all[index_of(record[at(found - 1)])].shown = true;
    }
    for (std::size_t index = 0; index < objects; ++index) {
      there = there || (all[index].live && all[index].shown && name_of(index) == scenario->wanted);
    }
    reader.was_absent = reader.round != rounds && (reader.was_absent || !there);
  }

  bool lock(Small who, Small& finishing) {
    if (holder != nobody) {
      return false;
    }
    holder = who;
    finishing = inherited ? 1 : 0;
    return true;
  }
  void unlock() { holder = nobody; }
  void change(bool begins) {
    if (fault != Fault::writers_do_not_count && odd != begins) {
      odd = begins;
      reader.disturbed = reader.at > 0 && reader.at < under_lock;
    }
  }

  // One write of finish() and rebuild(), under an inherited lock.
  void finish(Small& progress) {
    Record& mine = record[at(intent.record)];
    const bool binds = intent.step == Step::insert || intent.step == Step::replace;
    const bool ends = fault != Fault::inheritor_does_not_finish;
    const bool rebuilds = fault != Fault::inheritor_does_not_rebuild;
    constexpr Small relink = 10;
    switch (progress) {
      case 1:
        change(true);
        break;
      case 2:
        if (ends && intent.step == Step::remove) {
          mine.hash = 0;
        } else if (ends && binds && fault != Fault::finish_forgets_the_generation) {
          object(intent.creator, intent.serial).bound = true;
        }
        break;
      case 3:
        mine.creator = ends && binds ? intent.creator : mine.creator;
        break;
      case 4:
        mine.serial = ends && binds ? intent.serial : mine.serial;
        break;
      case 5:
        mine.hash = ends && binds ? intent.hash : mine.hash;
        break;
      case 6:
        used = ends && binds && used <= intent.record ? static_cast<Small>(intent.record + 1) : used;
        break;
      case 7:
        if (ends && (intent.step == Step::replace || intent.step == Step::remove) &&
            fault != Fault::finish_forgets_the_old_object) {
          all[at(intent.old)].live = false;
        }
        break;
      case 8:
        intent = {};
        break;
      case 9:
        head = rebuilds ? 0 : head;
        free = rebuilds ? 0 : free;  // of the inheritor's own until it is written, which no one else reads
        break;
      default:
        if (const Small index = static_cast<Small>(progress - relink); index < used && rebuilds) {
          Record& each = record[at(index)];
          Small& list = each.hash == 0 ? free : head;
          each.next = list;
          list = static_cast<Small>(index + 1);
        } else {
          inherited = false;
          change(false);
          progress = 0;
          return;
        }
    }
    ++progress;
  }

  bool write(Small who) {
    Writer& me = writers[at(who)];
    if (me.dead || me.op == 2) {
      return false;
    }
    if (me.finishing != 0) {
      finish(me.finishing);
      return true;
    }
    const Operation& operation = scenario->operations[at(who)][at(me.op)];
    Record& mine = record[at(intent.record)];
    const bool late = fault == Fault::intends_too_late;
    const bool early = fault == Fault::clears_the_intent_too_early;
    const auto next_operation = [&] { me = {.at = 0, .op = static_cast<Small>(me.op + 1)}; };
    const auto intend = [&] {
      intent.step = operation.kind == Operation::Kind::unbind ? Step::remove
                    : walk(operation.name) != 0               ? Step::replace
                                                              : Step::insert;
    };
    constexpr Small remove = 20;
    constexpr Small replace = 40;
    constexpr Small insert = 60;
    constexpr Small cleared = 80;
    constexpr Small leave = 81;
    constexpr Small refused = 90;
    switch (me.at) {
      case 0:
        if (!lock(who, me.finishing)) {
          return false;
        }
        me.at = 1;
        return true;
      case 1: {
        const Small found = walk(operation.name);
        if (operation.kind == Operation::Kind::put && found != 0) {
          me.at = refused;
          return true;
        }
        if (operation.kind == Operation::Kind::unbind && found == 0) {
          me.at = leave;
          return true;
        }
        intent.record = static_cast<Small>((found != 0 ? found : free != 0 ? free : used + 1) - 1);
        intent.hash = operation.name;
        intent.creator = who;
        intent.serial = operation.serial;
        intent.old = found != 0 ? static_cast<Small>(index_of(record[at(found - 1)])) : Small{0};
        me.at = 2;
        return true;
      }
      case 2: {
        const Step before = intent.step;
        intend();
        const Step step = intent.step;
        intent.step = late ? before : step;
        me.at = step == Step::remove ? remove : step == Step::replace ? replace : insert;
        return true;
      }

      case remove:
        change(true);
        break;
      case remove + 1:
        all[at(intent.old)].live = false;
        intent.step = early ? Step::none : intent.step;
        break;
      case remove + 2: {
        const auto number = static_cast<Small>(intent.record + 1);
        Small* link = &head;
        while (*link != number) {
          link = &record[at(*link - 1)].next;
        }
        *link = mine.next;
        break;
      }
      case remove + 3:
        mine.hash = 0;
        break;
      case remove + 4:
        mine.next = free;
        break;
      case remove + 5:
        free = static_cast<Small>(intent.record + 1);
        break;
      case remove + 6:
        change(false);
        me.at = cleared;
        return true;

      case replace:
        object(who, operation.serial).bound = true;
        break;
      case replace + 1:
        change(true);
        break;
      case replace + 2:
        mine.creator = who;
        intent.step = early ? Step::none : intent.step;
        break;
      case replace + 3:
        mine.serial = operation.serial;
        break;
      case replace + 4:
        all[at(intent.old)].live = false;
        break;
      case replace + 5:
        change(false);
        me.at = cleared;
        return true;

      case insert:
        mine.creator = who;
        break;
      case insert + 1:
        mine.serial = operation.serial;
        intent.step = early ? Step::none : intent.step;
        break;
      case insert + 2:
        mine.hash = operation.name;
        break;
      case insert + 3:
        if (free == intent.record + 1) {
          free = mine.next;
        } else {
          used = static_cast<Small>(intent.record + 1);
        }
        break;
      case insert + 4:
        mine.next = head;
        break;
      case insert + 5:
        head = static_cast<Small>(intent.record + 1);
        break;
      case insert + 6:
        object(who, operation.serial).bound = true;
        me.at = cleared;
        return true;

      case cleared:
        intent = {};
        me.at = leave;
        return true;
      case leave:
        unlock();
        next_operation();
        return true;
      case refused:
        unlock();
        me.at = refused + 1;
        return true;
      default:
        object(who, operation.serial).live = false;  // what got no name
        next_operation();
        return true;
    }
    ++me.at;
    return true;
  }

  void end_round() { reader = {.round = static_cast<Small>(reader.round + 1)}; }
  void accept(std::size_t index) {
    if (name_of(index) != scenario->wanted || !all[index].bound) {
      broken = "a reader found an object that has not this name";
    }
    end_round();
  }
  [[nodiscard]] bool believable(std::size_t index) const {
    return all[index].live && (all[index].bound || fault == Fault::reader_believes_unbound_objects) &&
           name_of(index) == scenario->wanted;
  }
  bool read() {
    if (reader.round == rounds) {
      return false;
    }
    if (reader.finishing != 0) {
      finish(reader.finishing);
      return true;
    }
    switch (reader.at) {
      case 0:
        reader.disturbed = odd;
        reader.at = 1;
        return true;
      case 1:
        reader.next = head;
        reader.at = 2;
        return true;
      case 2:
        if (reader.next == 0) {
          reader.at = 6;
        } else {
          reader.at = record[at(reader.next - 1)].hash == scenario->wanted ? 3 : 5;
        }
        return true;
      case 3:
        reader.creator = record[at(reader.next - 1)].creator;
        reader.at = 4;
        return true;
      case 4: {
        const std::size_t index = at(reader.creator) * serials + at(record[at(reader.next - 1)].serial);
        if (believable(index)) {
          accept(index);
        } else {
          reader.creator = 0;
          reader.at = 5;
        }
        return true;
      }
      case 5:  // in a circle for as long as there is one
        reader.next = record[at(reader.next - 1)].next;
        reader.at = 2;
        return true;
      case 6:
        if (!reader.disturbed || fault == Fault::reader_ignores_the_sequence) {
          absent();
        } else {
          reader.disturbed = false;
          reader.at = under_lock;
        }
        return true;
      case under_lock:
        if (!lock(reading, reader.finishing)) {
          return false;
        }
        reader.at = under_lock + 1;
        return true;
      default:
        unlock();
        if (const Small found = walk(scenario->wanted); found != 0) {
          accept(index_of(record[at(found - 1)]));
        } else {
          absent();
        }
        return true;
    }
  }
  void absent() {
    if (!reader.was_absent) {
      broken = "a reader missed a name that was there";
    }
    end_round();
  }

  // NameTable::repair, once for each death: a shard that the living hold needs nothing.
  bool repair() {
    if (repair_step != 0) {
      finish(repair_step);
      if (repair_step == 0) {
        unlock();
      }
      return true;
    }
    if (repairs == deaths || fault == Fault::nobody_repairs) {
      return false;
    }
    ++repairs;
    if (lock(repairing, repair_step) && repair_step == 0) {
      unlock();
    }
    return true;
  }

  [[nodiscard]] bool finished() const {
    for (const Writer& writer : writers) {
      if (!writer.dead && writer.op != 2) {
        return false;
      }
    }
    if (reader.round != rounds || holder != nobody || inherited || odd || intent.step != Step::none) {
      return false;
    }
    std::array<int, objects> recorded{};
    std::array<bool, records> met{};
    for (const bool chain : {true, false}) {
      Small next = chain ? head : free;
      while (next != 0) {
        const Record& each = record[at(next - 1)];
        if (met[at(next - 1)] || (each.hash != 0) != chain) {
          return false;
        }
        met[at(next - 1)] = true;
        if (chain) {
          ++recorded[index_of(each)];
          if (name_of(index_of(each)) != each.hash) {
            return false;
          }
        }
        next = each.next;
      }
    }
    for (std::size_t index = 0; index < records; ++index) {
      if (met[index] != (index < at(used))) {
        return false;
      }
    }
    for (std::size_t index = 0; index < objects; ++index) {
      if (recorded[index] != (all[index].live && all[index].bound ? 1 : 0)) {
        return false;
      }
    }
    return true;
  }

  /// Binds an object before anybody comes.
  void given(std::size_t index) {
    record[at(used)] = {.hash = name_of(index),
                        .creator = static_cast<Small>(index / serials),
                        .serial = static_cast<Small>(index % serials),
                        .next = head};
    head = ++used;
    all[index].bound = true;
    look_on();
    reader.was_absent = false;
  }
};

constexpr Operation put(Small name, Small serial) {
  return {Operation::Kind::put, name, serial};
}
constexpr Operation replace(Small name, Small serial) {
  return {Operation::Kind::replace, name, serial};
}
constexpr Operation unbind(Small name) {
  return {Operation::Kind::unbind, name, 0};
}

using Operations = std::array<std::array<Operation, 2>, 2>;

// All objects have the same name, which is bound to the first; halves of two keys name a third object.
constexpr std::array<Small, objects> same{1, 1, 1, 1, 1, 1};
constexpr Operations replacing{{{replace(1, 1), unbind(1)}, {replace(1, 1), replace(1, 0)}}};
// Both writers put what only one may, and take it away.
constexpr Operations rivalling{{{put(1, 0), unbind(1)}, {put(1, 1), unbind(1)}}};
// The name wanted stands behind another in the chain, whose record goes and is used again.
constexpr std::array<Small, objects> apart{1, 2, 2, 3, 3, 3};
constexpr Operations around{{{unbind(2), put(2, 2)}, {put(3, 0), unbind(3)}}};

constexpr std::array<Scenario, 3> scenarios{{
    {.name_of = same, .operations = replacing, .wanted = 1},
    {.name_of = same, .operations = rivalling, .wanted = 1},
    {.name_of = apart, .operations = around, .wanted = 1},
}};

ShardModel start(const Scenario& scenario, Fault fault = Fault::none) {
  ShardModel model;
  model.fault = fault;
  model.scenario = &scenario;
  if (scenario.operations[0][0].kind != Operation::Kind::put) {
    model.given(0);
  }
  if (scenario.name_of == apart) {
    model.given(1);
  }
  return model;
}

TEST(ShardModel, NamesAreFoundAndKeptInAnyInterleaving) {
  for (const Scenario& scenario : scenarios) {
    const Walk walk = walk_all(start(scenario));
    EXPECT_EQ(walk.wrong, "");
    EXPECT_GT(walk.states, 50'000U);
  }
}

TEST(ShardModel, SeesEachPartThatIsMissing) {
  for (const Fault fault :
       {Fault::reader_believes_unbound_objects, Fault::reader_ignores_the_sequence,
        Fault::writers_do_not_count, Fault::intends_too_late, Fault::clears_the_intent_too_early,
        Fault::inheritor_does_not_finish, Fault::inheritor_does_not_rebuild,
        Fault::finish_forgets_the_old_object, Fault::finish_forgets_the_generation, Fault::nobody_repairs}) {
    EXPECT_NE(walk_all(start(scenarios[0], fault)).wrong, "") << static_cast<int>(fault);
  }
}

}  // namespace
}  // namespace locum::tests::name_table_model_test
