#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "shm/names/directory_shard.hpp"
#include "tests/core/trials.hpp"
#include "tests/shm/interleavings/process.hpp"
#include "tests/shm/interleavings/schedule.hpp"

// Names: look-ups find what is bound, waiters are woken, and changes of dead processes are finished.
namespace locum::tests::names_interleavings {
namespace {

constexpr std::uint32_t store = Process::store;
constexpr SealOptions replacing{.mode = SealMode::replace};

// Names of one chain, the first one "x": the initial buckets of a shard.
const std::string& neighbour(std::size_t number) {
  static const std::vector<std::string> names = [] {
    const auto place = [](const std::string& name) {
      const std::uint64_t hash = name_hash(store, name);
      return std::pair(shm::shard_index(hash), hash % 64);
    };
    std::vector<std::string> found{"x"};
    for (int each = 0; found.size() < 3; ++each) {
      if (std::string name = std::to_string(each); place(name) == place("x")) {
        found.push_back(std::move(name));
      }
    }
    return found;
  }();
  return names[number];
}
const std::string& wanted() {
  return neighbour(0);
}

template <class Players>
void pass(const Search& bounds, std::uint32_t ranks) {
  (void)neighbour(0);  // made before any scene, because the memory of scenes is reused
  tests::pass<Players>(bounds, ranks);
}

void put(Process& process, const std::string& name, std::uint64_t word, const SealOptions& options = {}) {
  const Key key = process.publish(word, name);
  if (!process.names.bind(key, options)) {
    (void)process.objects->tombstone(key);
  }
}
void take_away(Process& process, const std::string& name) {
  (void)process.names.unbind(store, name, {});
}

// Once no process makes changes: names and live objects match.
std::string disorder(Process& survivor, std::uint32_t ranks) {
  const auto all = survivor.names.names(store, "");
  if (!all) {
    return all.error().what();
  }
  std::size_t bound = 0;
  for (std::uint32_t rank = 0; rank < ranks; ++rank) {
    for (std::uint32_t slot = 0; slot < Process::slots; ++slot) {
      if (survivor.state(rank, slot) == shm::EntryState::live) {
        bound += survivor.entry(rank, slot).generation.load() != 0 ? 1U : 0U;
      }
    }
  }
  for (const std::string& name : *all) {
    if (const auto pin = survivor.names.find(store, name)) {
      survivor.objects->release(pin->id);
    } else {
      return "a name that is listed cannot be found: " + std::string(pin.error().what());
    }
  }
  if (bound != all->size()) {
    return std::to_string(bound) + " objects are bound, " + std::to_string(all->size()) + " names listed";
  }
  for (const char* name : {"x", "one", "two"}) {  // records still exist, each in one list
    put(survivor, name, 9, replacing);
    const auto pin = survivor.names.find(store, name);
    if (!pin) {
      return std::string("a new name cannot be found: ") + pin.error().what();
    }
    survivor.objects->release(pin->id);
  }
  return "";
}

// Writers, each of which may die, and a reader; a survivor repairs the shard.
class Shard : public Scene {
 public:
  explicit Shard(const std::shared_ptr<shm::Segment>& segment)
      : one_(segment, 0), two_(segment, 1), reader_(segment, 2) {
    for (const int writer : {0, 1}) {
      after_death(writer, 2, [this] { reader_.names.repair(); });
    }
  }
  std::string wrong() override { return disorder(reader_, 3); }

 protected:
  // The name is bound all the time.
  void find() {
    const auto pin = reader_.names.find(store, wanted());
    if (!pin) {
      report("a name that is there is not found: " + std::string(pin.error().what()));
      return;
    }
    const auto carried = read_name(reader_.segment->base() + pin->record->offset, *pin->record);
    if (carried != wanted() || pin->generation == 0) {
      report("what is found has not this name");
    }
    reader_.objects->release(pin->id);
  }

  Process one_;
  Process two_;
  Process reader_;
};

class Replacing final : public Shard {
 public:
  explicit Replacing(const std::shared_ptr<shm::Segment>& segment) : Shard(segment) {
    put(two_, wanted(), 1);
    thread(0, [this] { put(one_, wanted(), 2, replacing); });
    thread(1, [this] { put(two_, wanted(), 3, replacing); });
    thread(2, [this] { find(); });
  }
};
TEST(ShardInterleavings, FindANameThatIsReplaced) {
  pass<Replacing>({.preemptions = 3, .mortal = {0}, .sample = 3000}, 3);
}

// The record before the wanted one in its chain is removed and reused.
class Around final : public Shard {
 public:
  explicit Around(const std::shared_ptr<shm::Segment>& segment) : Shard(segment) {
    put(two_, wanted(), 1);
    put(one_, neighbour(1), 2);
    thread(0, [this] {
      take_away(one_, neighbour(1));
      put(one_, "elsewhere", 4);
    });
    thread(2, [this] { find(); });
  }
};
TEST(ShardInterleavings, FindANameWhoseNeighboursCome) {
  pass<Around>({.preemptions = 3, .mortal = {0}, .sample = 3000}, 3);
}

// Both put a name that only one may put, and remove it.
class Rivals final : public Shard {
 public:
  explicit Rivals(const std::shared_ptr<shm::Segment>& segment) : Shard(segment) {
    put(two_, neighbour(1), 1);
    thread(0, [this] {
      put(one_, wanted(), 2);
      take_away(one_, wanted());
    });
    thread(1, [this] {
      put(two_, wanted(), 3);
      take_away(two_, neighbour(1));
    });
  }
};

// Looks for a name while it is bound and unbound.
class ComingAndGoing final : public Shard {
 public:
  explicit ComingAndGoing(const std::shared_ptr<shm::Segment>& segment) : Shard(segment) {
    thread(0, [this] {
      put(one_, wanted(), 2);
      take_away(one_, wanted());
    });
    thread(2, [this] { look(); });
  }

 private:
  void look() {
    const auto pin = reader_.names.find(store, wanted());
    if (pin) {
      if (pin->generation == 0) {
        report("an object is found that is not bound");
      }
      reader_.objects->release(pin->id);
    } else if (pin.error().code() != Errc::not_found) {
      report(pin.error().what());
    }
  }
};
TEST(ShardInterleavings, FindWhatIsBoundOnly) {
  pass<ComingAndGoing>({.preemptions = 3, .mortal = {0}, .sample = 3000}, 3);
}

TEST(ShardInterleavings, LeaveNamesAndObjectsInStep) {
  pass<Rivals>({.preemptions = 3, .mortal = {0, 1}, .sample = 3000}, 3);
}

// Waits for a name that one process binds, while another one binds another name of the shard. A waiter for a
// bound name is woken, even if a survivor had to finish the binding.
class Waiting final : public Scene {
 public:
  explicit Waiting(const std::shared_ptr<shm::Segment>& segment)
      : one_(segment, 0), two_(segment, 1), waiter_(segment, 2), adopter_(segment, 3) {
    thread_that_may_wait(2, [this] {
      const auto pin = waiter_.names.wait(store, wanted(), in(std::chrono::hours(1)));
      found_ = pin.has_value();
    });
    thread(0, [this, key = one_.publish(1, wanted())] { (void)one_.names.bind(key, {}); });
    thread(1, [this, key = two_.publish(2, neighbour(1))] { (void)two_.names.bind(key, {}); });
    for (const int writer : {0, 1}) {
      after_death(writer, 3, [this] { adopter_.names.repair(); });
    }
  }
  std::string wrong() override {
    const bool is_there = adopter_.names.find(store, wanted()).has_value();
    return is_there && !found_         ? "a waiter for a bound name was not woken"
           : !is_there && !has_died(0) ? "a name is not there that was put"
                                       : "";
  }

 private:
  Process one_;
  Process two_;
  Process waiter_;
  Process adopter_;
  bool found_ = false;
};
// All of them take a minute and a half: a sample, and all in tests/long.
TEST(NameInterleavings, WakeWhoWaits) {
  pass<Waiting>({.preemptions = 2, .most = 100'000, .sample = number_from("LOCUM_INTERLEAVINGS", 3000)}, 4);
}
TEST(NameInterleavings, WakeWhoWaitsWhereTheBinderDies) {
  pass<Waiting>({.preemptions = 3, .mortal = {0}, .sample = 3000}, 4);
}
TEST(NameInterleavings, WakeWhoWaitsWhereAnotherDies) {
  pass<Waiting>({.preemptions = 3, .mortal = {1}, .sample = 3000}, 4);
}

// Watches two names in two shards, which two processes bind.
class Watching final : public Scene {
 public:
  explicit Watching(const std::shared_ptr<shm::Segment>& segment)
      : one_(segment, 0), two_(segment, 1), watcher_(segment, 2), adopter_(segment, 3) {
    thread_that_may_wait(2, [this] { watch(); });
    thread(0, [this] { put(one_, names[0], 1); });
    thread(1, [this] { put(two_, names[1], 2); });
    after_death(0, 3, [this] { adopter_.names.repair(); });
  }
  std::string wrong() override {
    for (std::size_t each = 0; each < names.size(); ++each) {
      const bool is_there = adopter_.names.find(store, names[each]).has_value();
      if (is_there && !found_[each]) {
        return "the watcher of a bound name was not notified";
      }
      if (!is_there && !has_died(0)) {
        return "a name is not there that was put";
      }
    }
    return "";
  }

 private:
  class Bell final : public NameWatcher {
   public:
    void bound() noexcept override { rung = true; }
    bool rung = false;
  };

  // As a watcher must: first the watch, then the look-up.
  void watch() {
    const auto bell = std::make_shared<Bell>();
    while (!found_[0] || !found_[1]) {
      for (std::size_t each = 0; each < names.size(); ++each) {
        if (!found_[each]) {
          (void)watcher_.names.watch(name_hash(store, names[each]), bell);
        }
      }
      for (std::size_t each = 0; each < names.size(); ++each) {
        if (const auto pin = watcher_.names.find(store, names[each]); pin && !found_[each]) {
          watcher_.objects->release(pin->id);
          found_[each] = true;
        }
      }
      if (!found_[0] || !found_[1]) {
        wait_until([bell] { return bell->rung; });
        bell->rung = false;
      }
    }
  }

  static inline const std::array<std::string, 2> names{"x", "y"};
  Process one_;
  Process two_;
  Process watcher_;
  Process adopter_;
  std::array<bool, 2> found_{};
};
TEST(NameInterleavings, TellWhoWatches) {
  pass<Watching>({.preemptions = 3, .mortal = {0}, .sample = 3000}, 4);
}

// Two threads of a process that may die each put an object with the same name; a writer of the shard, which
// may inherit the lock, replaces it and removes it. The adopter may die as well. At the end each object of
// the dead process has its name, or is gone; and the memory of remaining objects was never freed.
class Adopting final : public Scene {
 public:
  explicit Adopting(const std::shared_ptr<shm::Segment>& segment)
      : dying_(segment, 0), writer_(segment, 1), first_(segment, 2), last_(segment, 3) {
    for (std::uint64_t word : {1, 2}) {
      thread(0, [this, word] { put(dying_, wanted(), word, replacing); });
    }
    thread(1, [this] {
      put(writer_, wanted(), 3, replacing);
      take_away(writer_, wanted());
    });
    after_death(0, 2, [this] { adopt(first_); });
    after_death(2, 3, [this] {
      last_.names.repair();
      if (has_died(0)) {
        adopt(last_);
      }
    });
  }
  std::string wrong() override {
    if (!has_died(0)) {
      return "";
    }
    Process& adopter = has_died(2) ? last_ : first_;
    (void)adopter.collect();
    return adopter.dead(0)     ? "an evicted object stays"
           : adopter.pinned(0) ? "a pin of the dead stays"
           : unnamed()         ? "an object is left that has no name"
                               : disorder(adopter, 4);
  }

 private:
  void adopt(Process& adopter) {
    adopter.adopt(0);
    for (std::uint32_t slot = 0; slot < Process::slots; ++slot) {
      const auto state = adopter.state(0, slot);
      if (state != shm::EntryState::free &&
          std::ranges::find(adopter.in_use, adopter.entry(0, slot).record.offset) == adopter.in_use.end()) {
        report("the memory of an object that is left was given away");
      }
    }
  }
  bool unnamed() {
    for (std::uint32_t slot = 0; slot < Process::slots; ++slot) {
      if (last_.state(0, slot) == shm::EntryState::live && last_.entry(0, slot).generation.load() == 0) {
        return true;
      }
    }
    return false;
  }

  Process dying_;
  Process writer_;
  Process first_;
  Process last_;
};
TEST(AdoptionInterleavings, LoseAndLeakNothing) {
  pass<Adopting>({.preemptions = 3, .mortal = {0}, .sample = 3000}, 4);
}
TEST(AdoptionInterleavings, LoseAndLeakNothingWhereTheAdopterDies) {
  pass<Adopting>({.preemptions = 3, .mortal = {0, 2}, .sample = 3000}, 4);
}

}  // namespace
}  // namespace locum::tests::names_interleavings
