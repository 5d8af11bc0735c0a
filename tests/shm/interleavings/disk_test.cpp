#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <thread>

#include "tests/shm/interleavings/process.hpp"
#include "tests/shm/interleavings/schedule.hpp"

// Objects that leave memory and come back while others read and evict them, and while processes die. What has
// left memory is poison there.
namespace locum::tests::disk_interleavings {
namespace {

constexpr std::uint64_t right = 1;

/// A process whose objects may leave memory.
class DiskProcess : public Process {
 public:
  DiskProcess(std::shared_ptr<shm::Segment> shared, std::uint32_t own) : Process(std::move(shared), own) {
    objects->use_disk([this](const ObjectRecord& record, bool left) {
      freed_ += left ? 1 : 0;  // the others are in the list of collect()
      (void)record;
    });
  }

  void write(const Pin& pin, std::uint64_t word) const {
    std::memcpy(segment->base() + pin.record->offset, &word, sizeof word);
  }
  /// Moves an own object to disk, if nobody looks at it.
  void move(const Key& key) {
    const auto pin = objects->try_pin(key);
    if (!pin) {
      return;
    }
    if (!pin->on_disk && objects->begin_leaving(*pin) != shm::ObjectTable::Leaving::stays) {
      write(*pin, poison);
      pause();
      objects->end_leaving(*pin);
    }
    objects->release(pin->id);
  }
  /// Whether the object exists; reads it, and brings it back for that.
  bool read(const Key& key) {
    const auto pin = objects->try_pin(key);
    if (!pin) {
      return false;
    }
    const bool found = !pin->on_disk || bring_back(*pin);
    for (int look = 0; found && look < 2; ++look) {
      if (word(*pin) != right) {
        report("a view shows what is not its object's: " + std::to_string(word(*pin)));
      }
      pause();
    }
    objects->release(pin->id);
    return found;
  }
  [[nodiscard]] int freed() const noexcept { return freed_; }

 private:
  bool bring_back(const Pin& pin) {
    for (;;) {
      switch (objects->begin_return(pin)) {
        case shm::ObjectTable::Returning::is_back:
          return true;
        case shm::ObjectTable::Returning::gone:
          return false;
        case shm::ObjectTable::Returning::moves:
          std::this_thread::yield();
          break;
        case shm::ObjectTable::Returning::begun:
          write(pin, poison + 1);  // a part of it
          pause();
          write(pin, right);
          objects->end_return(pin, true);
          return true;
      }
    }
  }

  int freed_ = 0;
};

class Scenery : public Scene {
 public:
  explicit Scenery(const std::shared_ptr<shm::Segment>& segment)
      : owner_(segment, 0), first_(segment, 1), second_(segment, 2), key_(owner_.publish(right)) {}

 protected:
  DiskProcess owner_;
  DiskProcess first_;
  DiskProcess second_;
  const Key key_;
};

// The owner moves the object twice; a process reads it.
class Readers final : public Scenery {
 public:
  explicit Readers(const std::shared_ptr<shm::Segment>& segment) : Scenery(segment) {
    thread(0, [this] {
      owner_.move(key_);
      owner_.move(key_);
    });
    thread(1, [this] { reads(first_); });
    thread(2, [this] { reads(second_); });
  }
  std::string wrong() override {
    return !owner_.read(key_) ? "the object is gone" : owner_.pinned(0) ? "a pin stays" : "";
  }

 private:
  void reads(DiskProcess& process) {
    if (!process.read(key_)) {
      report("the object is gone");
    }
  }
};
TEST(DiskInterleavings, KeepViewsWholeWhileTheObjectMoves) {
  pass<Readers>({.preemptions = 3, .sample = 3000}, 3);
}

// Another thread of the owner reads it meanwhile, and another process evicts it.
class Evicting final : public Scenery {
 public:
  explicit Evicting(const std::shared_ptr<shm::Segment>& segment) : Scenery(segment) {
    thread(0, [this] { owner_.move(key_); });
    thread(0, [this] { (void)owner_.read(key_); });
    thread(1, [this] { (void)first_.read(key_); });
    thread(2, [this] { (void)second_.objects->tombstone(key_); });
  }
  std::string wrong() override {
    owner_.collect_all(0);
    const auto freed = static_cast<std::size_t>(owner_.freed()) + owner_.came.size();
    return owner_.pinned(0) ? "a pin stays" : freed != 1 ? "the object was not freed once" : "";
  }
};
TEST(DiskInterleavings, FreeAnEvictedObjectOnce) {
  pass<Evicting>({.preemptions = 3, .sample = 3000}, 3);
}

// A reader dies on the way.
class MortalReader final : public Scenery {
 public:
  explicit MortalReader(const std::shared_ptr<shm::Segment>& segment) : Scenery(segment) {
    owner_.move(key_);
    thread(0, [this] { owner_.move(key_); });
    thread(1, [this] { (void)first_.read(key_); });
    thread(2, [this] { (void)second_.read(key_); });
    after_death(1, 0, [this] {
      owner_.objects->recover(1);
      owner_.objects->drop_pins(1);
    });
  }
  std::string wrong() override {
    return !second_.read(key_) ? "the object is gone" : owner_.pinned(0) ? "a pin stays" : "";
  }
};
TEST(DiskInterleavings, GoOnWhereAReaderDies) {
  pass<MortalReader>({.preemptions = 1, .mortal = {1}}, 3);
  pass<MortalReader>({.preemptions = 3, .mortal = {1}, .sample = 3000}, 3);
}

// The owner dies on the way; readers wait for the adopter.
class MortalOwner final : public Scenery {
 public:
  explicit MortalOwner(const std::shared_ptr<shm::Segment>& segment) : Scenery(segment) {
    thread(0, [this] { owner_.move(key_); });
    thread(1, [this] { (void)first_.read(key_); });
    after_death(0, 2, [this] { second_.adopt(0); });
  }
  std::string wrong() override {
    return !first_.read(key_) ? "the object is gone" : first_.pinned(0) ? "a pin stays" : "";
  }
};
TEST(DiskInterleavings, GoOnWhereTheOwnerDies) {
  pass<MortalOwner>({.preemptions = 2, .mortal = {0}}, 3);
}

}  // namespace
}  // namespace locum::tests::disk_interleavings
