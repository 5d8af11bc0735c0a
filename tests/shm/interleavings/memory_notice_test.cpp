#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "shm/table/freed_memory.hpp"
#include "tests/shm/interleavings/process.hpp"
#include "tests/shm/interleavings/schedule.hpp"

// Notices of freed memory: a thread that waits for it is woken by the eviction of an object. Sleeps have no
// deadline here, so that a lost notice is a thread that hangs.
namespace locum::tests::memory_notice_interleavings {
namespace {

void await(Process& process, shm::FreedMemory& freed) {
  for (std::uint32_t armed = freed.arm(); process.collect() == 0; armed = freed.arm()) {
    freed.sleep(armed, Deadline::Clock::time_point::max());
  }
}

// The maker of an object waits until its memory has come back.
class Waiting final : public Scene {
 public:
  explicit Waiting(const std::shared_ptr<shm::Segment>& segment)
      : owner_(segment, 0), other_(segment, 1), freed_(segment, owner_.objects) {
    const Key object = owner_.publish(1);
    thread(0, [this] { await(owner_, freed_); });
    thread(1, [this, object] { (void)other_.objects->tombstone(object); });
  }
  std::string wrong() override { return owner_.dead(0) ? "an evicted object stays" : ""; }

 private:
  Process owner_;
  Process other_;
  shm::FreedMemory freed_;
};
TEST(MemoryNoticeInterleavings, WakeWhoWaitsForAnObjectThatAnotherEvicts) {
  pass<Waiting>({.preemptions = 3}, 2);
}

// Two threads wait for two objects: a notice that clears the flag of one wakes the other, too.
class TwoWaiting final : public Scene {
 public:
  explicit TwoWaiting(const std::shared_ptr<shm::Segment>& segment)
      : one_(segment, 0), two_(segment, 1), of_one_(segment, one_.objects), of_two_(segment, two_.objects) {
    const Key first = one_.publish(1);
    const Key second = two_.publish(2);
    thread(0, [this, second] {
      (void)one_.objects->tombstone(second);
      await(one_, of_one_);
    });
    thread(1, [this, first] {
      (void)two_.objects->tombstone(first);
      await(two_, of_two_);
    });
  }
  std::string wrong() override { return one_.dead(0) || two_.dead(1) ? "an evicted object stays" : ""; }

 private:
  Process one_;
  Process two_;
  shm::FreedMemory of_one_;
  shm::FreedMemory of_two_;
};
TEST(MemoryNoticeInterleavings, WakeAllWhoWait) {
  pass<TwoWaiting>({.preemptions = 3}, 2);
}

}  // namespace
}  // namespace locum::tests::memory_notice_interleavings
