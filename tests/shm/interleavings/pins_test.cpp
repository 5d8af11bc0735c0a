#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>

#include "tests/shm/interleavings/process.hpp"
#include "tests/shm/interleavings/schedule.hpp"

// Views of objects, and evicted objects: their memory is freed once, and not while there is a view, whichever
// process dies.
namespace locum::tests::pins_interleavings {
namespace {

// Reads an object, if it exists, for an unlimited time.
void view(Process& process, const Key& key, std::uint64_t word) {
  if (const auto pin = process.objects->try_pin(key)) {
    for (int look = 0; look < 2; ++look) {
      if (process.word(*pin) != word) {
        report("a view shows what is not its object's: " + std::to_string(process.word(*pin)));
      }
      pause();
    }
    process.objects->release(pin->id);
  }
}

// Evicts its object, and reuses the entry at once.
void use_again(Process& owner, const Key& key, Key& next) {
  (void)owner.objects->tombstone(key);
  owner.collect_all(0);
  next = owner.publish(2);
}

// Two threads of another process.
class TwoReaders final : public Scene {
 public:
  explicit TwoReaders(const std::shared_ptr<shm::Segment>& segment)
      : owner_(segment, 0), reader_(segment, 1) {
    const Key first = owner_.publish(1);
    thread(0, [this, first] { use_again(owner_, first, next_); });
    for (int reader = 0; reader < 2; ++reader) {
      thread(1, [this, first] {
        view(reader_, first, 1);
        view(reader_, next_, 2);
      });
    }
  }
  std::string wrong() override {
    return owner_.dead(0) ? "an evicted object stays" : owner_.pinned(0) ? "a pin stays" : "";
  }

 private:
  Process owner_;
  Process reader_;
  Key next_;
};
TEST(PinInterleavings, KeepViewsOfTwoThreadsWhole) {
  pass<TwoReaders>({.preemptions = 2}, 2);
}

// A reader that may die, and one of a third process.
class MortalReader final : public Scene {
 public:
  explicit MortalReader(const std::shared_ptr<shm::Segment>& segment)
      : owner_(segment, 0), mortal_(segment, 1), reader_(segment, 2) {
    const Key first = owner_.publish(1);
    thread(0, [this, first] { use_again(owner_, first, next_); });
    thread(1, [this, first] { view(mortal_, first, 1); });
    thread(2, [this, first] { view(reader_, first, 1); });
    after_death(1, 2, [this] { reader_.objects->drop_pins(1); });
  }
  std::string wrong() override {
    return owner_.dead(0) ? "an evicted object stays" : owner_.pinned(0) ? "a pin stays" : "";
  }

 private:
  Process owner_;
  Process mortal_;
  Process reader_;
  Key next_;
};
TEST(PinInterleavings, KeepViewsWholeWhereAnotherReaderDies) {
  pass<MortalReader>({.preemptions = 3, .mortal = {1}, .sample = 5000}, 3);
}

// The owner dies; the adopter reuses its own entries, not the adopted ones.
class MortalOwner final : public Scene {
 public:
  explicit MortalOwner(const std::shared_ptr<shm::Segment>& segment)
      : owner_(segment, 0), reader_(segment, 1), adopter_(segment, 2) {
    const Key first = owner_.publish(1);
    own_ = adopter_.publish(7);
    thread(0, [this, first] { use_again(owner_, first, next_); });
    thread(1, [this, first] {
      view(reader_, first, 1);
      (void)reader_.objects->tombstone(first);
    });
    after_death(0, 2, [this] {
      adopter_.adopt(0);
      (void)adopter_.collect();
      (void)adopter_.publish(8);
    });
  }
  std::string wrong() override {
    if (!has_died(0)) {
      return "";
    }
    (void)adopter_.collect();
    const auto pin = adopter_.objects->try_pin(own_);
    return adopter_.dead(0)                   ? "an evicted object stays"
           : adopter_.pinned(0)               ? "a pin stays"
           : !pin || adopter_.word(*pin) != 7 ? "an entry was used again that is in use"
                                              : "";
  }

 private:
  Process owner_;
  Process reader_;
  Process adopter_;
  Key own_;
  Key next_;
};
TEST(PinInterleavings, KeepViewsWholeWhereTheOwnerDies) {
  pass<MortalOwner>({.preemptions = 2, .mortal = {0}}, 3);
}

// Two processes, one of which may die, evict the objects of two entries, which the owner reuses. All evicted
// objects are freed, once each.
class Evicting : public Scene {
 public:
  explicit Evicting(const std::shared_ptr<shm::Segment>& segment)
      : owner_(segment, 0), mortal_(segment, 1), other_(segment, 2) {
    for (Key& each : keys_) {
      each = owner_.publish(++published_);
    }
    always([this] { return owner_.stack_is_of_the_dead() ? "" : "what is handed back is not dead"; });
  }
  std::string wrong() override {
    came_ += owner_.collect();
    std::size_t live = 0;
    for (std::uint32_t slot = 0; slot < Process::slots; ++slot) {
      live += owner_.state(0, slot) == shm::EntryState::live ? 1U : 0U;
    }
    return owner_.dead(0)               ? "an evicted object stays"
           : live + came_ != published_ ? "an object came back twice, or never"
                                        : "";
  }

 protected:
  void use_again() {
    for (std::size_t came = owner_.collect(); came > 0; --came) {
      ++came_;
      keys_[published_ % 2] = owner_.publish(published_ + 1);
      ++published_;
    }
  }
  void evict(Process& process, std::size_t first, std::size_t count = 2) {
    for (std::size_t each = 0; each < count; ++each) {
      (void)process.objects->tombstone(keys_[(first + each) % 2]);
    }
  }

  Process owner_;
  Process mortal_;
  Process other_;
  std::array<Key, 2> keys_;
  std::uint64_t published_ = 0;
  std::uint64_t came_ = 0;
};

class EvictingOfALivingOwner final : public Evicting {
 public:
  explicit EvictingOfALivingOwner(const std::shared_ptr<shm::Segment>& segment) : Evicting(segment) {
    after_death(1, 0, [this] { owner_.objects->recover(1); });
    thread(1, [this] { evict(mortal_, 0); });
    thread(2, [this] { evict(other_, 1); });
    thread(0, [this] {
      use_again();
      (void)owner_.objects->tombstone(keys_[1]);
      (void)owner_.objects->tombstone(keys_[0]);
      use_again();
    });
  }
};
TEST(EvictionInterleavings, BringBackEachEntryOnce) {
  pass<EvictingOfALivingOwner>({.preemptions = 3, .mortal = {1}, .sample = 10000}, 3);
}

// One process has died right after it handed back what it evicted. While the owner searches for its other
// evictions, that entry is freed, reused, and evicted by another process.
class RecoveringLate final : public Evicting {
 public:
  explicit RecoveringLate(const std::shared_ptr<shm::Segment>& segment) : Evicting(segment) {
    evict(mortal_, 0, 1);
    thread(0, [this] {
      owner_.objects->recover(1);
      use_again();
    });
    thread(0, [this] { use_again(); });
    thread(2, [this] {
      wait_until([this] { return published_ > 2; });
      evict(other_, 0, 1);
    });
  }
};
TEST(EvictionInterleavings, BringBackOnceWhatIsRecoveredLate) {
  pass<RecoveringLate>({.preemptions = 2}, 3);
}

// The owner may die, too.
class EvictingOfADyingOwner final : public Scene {
 public:
  explicit EvictingOfADyingOwner(const std::shared_ptr<shm::Segment>& segment)
      : owner_(segment, 0), mortal_(segment, 1), other_(segment, 2), adopter_(segment, 3) {
    const Key one = owner_.publish(1);
    const Key two = owner_.publish(2);
    own_ = adopter_.publish(7);
    thread(0, [this] { (void)owner_.collect(); });
    thread(1, [this, one, two] {
      (void)mortal_.objects->tombstone(one);
      (void)mortal_.objects->tombstone(two);
    });
    thread(2, [this, one, two] {
      (void)other_.objects->tombstone(two);
      (void)other_.objects->tombstone(one);
    });
    after_death(0, 3, [this] {
      adopter_.adopt(0);
      (void)adopter_.collect();
      (void)adopter_.publish(8);
    });
    after_death(1, 3, [this] {
      adopter_.objects->recover(1);
      adopter_.objects->drop_pins(1);
    });
    after_death(1, 0, [this] { owner_.objects->recover(1); });
  }
  std::string wrong() override {
    (void)(has_died(0) ? adopter_ : owner_).collect();
    const auto pin = adopter_.objects->try_pin(own_);
    return adopter_.dead(0)                   ? "an evicted object stays"
           : !pin || adopter_.word(*pin) != 7 ? "an entry was used again that is in use"
                                              : "";
  }

 private:
  Process owner_;
  Process mortal_;
  Process other_;
  Process adopter_;
  Key own_;
};
TEST(EvictionInterleavings, BringBackWhatTheDeadHad) {
  pass<EvictingOfADyingOwner>({.preemptions = 3, .mortal = {0, 1}, .sample = 5000}, 4);
}

}  // namespace
}  // namespace locum::tests::pins_interleavings
