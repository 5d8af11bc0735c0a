#include "core/async/progress.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <fstream>
#include <memory>
#include <new>
#include <semaphore>
#include <string>
#include <thread>
#include <vector>

#include "core/async/posts_together.hpp"

namespace locum {
namespace {

using namespace std::chrono_literals;

/// A transport on which nothing arrives unless the test says so. Each poll takes a microsecond of its clock;
/// a sleep lasts until its deadline, or without one until wake().
class SilentTransport final : public Transport {
 public:
  Result<Sending> send(int /*to*/, std::span<const std::byte> /*header*/, std::span<const std::byte> /*bulk*/,
                       std::uint64_t /*ticket*/) override {
    return Sending::done;
  }
  void forget(int /*rank*/) noexcept override {}
  bool progress(Receiver& /*receiver*/) override {
    now_.fetch_add(1);
    ++looks;
    return comes.exchange(false) || floods;
  }
  bool arm() override {
    if (floods) {
      return false;
    }
    arms_of_tester.fetch_add(std::this_thread::get_id() == tester ? 1 : 0);
    return true;
  }
  void sleep(Clock::time_point moment) override {
    looks_before_sleep.store(looks.exchange(0));
    slept.release();
    if (moment == Clock::time_point::max()) {
      woken_.acquire();
    } else {
      now_.store(std::chrono::duration_cast<std::chrono::microseconds>(moment.time_since_epoch()).count());
    }
  }
  void wake() noexcept override { woken_.release(); }
  [[nodiscard]] Clock::time_point now() const noexcept override {
    return Clock::time_point(std::chrono::microseconds(now_.load()));
  }

  /// Number of polls before a thread sleeps; waits until one does.
  [[nodiscard]] int looks_of_next_sleep() {
    return slept.try_acquire_for(60s) ? looks_before_sleep.load() : -1;
  }
  void pass(std::chrono::microseconds time) { now_.fetch_add(time.count()); }

  /// One poll finds something.
  void bring() {
    comes = true;
    wake();
  }

  std::atomic<bool> comes{false};
  std::atomic<bool> floods{false};  ///< every poll finds something
  std::atomic<int> looks{0};
  std::atomic<int> looks_before_sleep{0};
  const std::thread::id tester = std::this_thread::get_id();
  std::atomic<int> arms_of_tester{0};
  std::counting_semaphore<> slept{0};

 private:
  std::atomic<std::int64_t> now_{1'000'000};
  std::counting_semaphore<> woken_{0};
};

struct Side {
  explicit Side(Progress::Options options)
      : channel(std::make_shared<RpcChannel>(transport, std::make_shared<Metrics>(), RpcChannelOptions{})),
        progress(transport, channel, std::move(options)) {
    progress.start();
  }

  std::shared_ptr<SilentTransport> transport = std::make_shared<SilentTransport>();
  std::shared_ptr<RpcChannel> channel;
  Progress progress;
};

TEST(Progress, RunsInOneStepWhatAThreadPostsTogether) {
  Side one({.helper = false});
  Side other({.helper = false});
  std::vector<int> run;
  std::vector<int> looks;
  {
    const PostsTogether outer;
    for (int n = 0; n < 3; ++n) {
      const PostsTogether inner;
      one.progress.post([&, n] {
        run.push_back(n);
        looks.push_back(one.transport->looks);
      });
    }
    (void)one.progress.poll();
    EXPECT_TRUE(run.empty()) << "before the scope has ended";
    other.progress.post([&] { run.push_back(9); });
    std::thread([&] { one.progress.post([&] { run.push_back(5); }); }).join();
    (void)one.progress.poll();
    EXPECT_EQ(run, (std::vector{0, 1, 2, 5})) << "those for another one do not wait for its end";
  }
  (void)other.progress.poll();
  EXPECT_EQ(run.back(), 9);
  EXPECT_EQ(looks, std::vector(3, looks.front())) << "the transport was polled in between";
  one.progress.post([&] { run.push_back(7); });
  (void)one.progress.poll();
  EXPECT_EQ(run.back(), 7);
}

TEST(Progress, AWaiterLooksForMessagesAsLongAsItIsToldBeforeItSleeps) {
  Side side({.spin = 50us, .helper = false});
  const Pending never;
  EXPECT_FALSE(side.progress.wait(never, side.progress.now() + 1s));
  const int looks = side.transport->looks_of_next_sleep();
  EXPECT_GE(looks, 51) << "one, and as many in the same time after it";
  EXPECT_LE(looks, 58) << "it reads the clock at every few polls";
}

TEST(Progress, AWaiterLooksThroughAWaitThatIsAsLongAsTheLastOne) {
  Side side({.spin = 50us, .helper = false});
  const Pending never;
  EXPECT_FALSE(side.progress.wait(never, side.progress.now() + 1ms));
  EXPECT_LT(side.transport->looks_of_next_sleep(), 100) << "it sleeps the first time";
  EXPECT_FALSE(side.progress.wait(never, side.progress.now() + 1ms));
  EXPECT_GE(side.transport->looks, 900) << "since it slept";
}

TEST(Progress, WhoPutsARecordLooksOnlyWhereNobodyWouldNoticeAMessage) {
  Side alone({.spin = 0us, .helper = false});
  alone.progress.drive_unwatched();
  EXPECT_GE(alone.transport->looks, 1);
  Side watched({.spin = 0us, .helper = true});
  EXPECT_EQ(watched.transport->looks_of_next_sleep(), 1);
  watched.progress.drive_unwatched();
  EXPECT_EQ(watched.transport->looks, 0) << "since the helper sleeps";
}

TEST(Progress, AWaiterSleepsAtOnceWhereCoresAreShort) {
  Side side({.spin = 0us, .helper = false});
  const Pending never;
  EXPECT_FALSE(side.progress.wait(never, side.progress.now() + 1s));
  EXPECT_EQ(side.transport->looks_of_next_sleep(), 1);
}

TEST(Progress, TheHelperSleepsAtOnceHoweverLongAWaiterLooks) {
  Side side({.spin = 24h, .helper = true});
  EXPECT_EQ(side.transport->looks_of_next_sleep(), 1);
  side.transport->bring();
  EXPECT_EQ(side.transport->looks_of_next_sleep(), 2);
}

TEST(Progress, TheHelperLooksForMoreOnceSomethingCameAndRarelyWhereThatDoesNotPay) {
  Side side({.helper_spin = 20us, .helper = true});
  EXPECT_EQ(side.transport->looks_of_next_sleep(), 1);
  for (const char* const when : {"at first", "the second time after that was useless"}) {
    side.transport->bring();
    const int looks = side.transport->looks_of_next_sleep();
    EXPECT_GE(looks, 22) << when;
    EXPECT_LE(looks, 29) << when;
    side.transport->bring();
    EXPECT_EQ(side.transport->looks_of_next_sleep(), 2) << "polling longer was useless";
  }
}

// By default a silent rank is given up after 5 s, and probed once a second.
TEST(Progress, TellsWhatAStepMayWait) {
  const Side side({.helper = false});
  EXPECT_EQ(side.progress.budget().longest_wait(), 250ms);
  EXPECT_FALSE(side.progress.budget().allows_work());
  EXPECT_TRUE(side.progress.budget().deadline().is_default());
}

TEST(Progress, IsDrivenWithinStepsAlone) {
  Side side({.helper = false});
  std::vector<bool> driven;
  const auto note = [&] { driven.push_back(side.progress.is_driven()); };
  Pending pending;
  EXPECT_TRUE(side.progress.wait(pending, side.progress.now() + 1s, [&] {
    note();
    side.progress.finish(pending);
  }));
  side.progress.submit(note);
  side.channel->call_at(side.progress.now(), note);
  side.progress.poll();
  EXPECT_EQ(driven, std::vector<bool>(3, true));
  EXPECT_FALSE(side.progress.is_driven());
}

// A wait for something that is done at once.
void wait_shortly(Side& side) {
  Pending pending;
  ASSERT_TRUE(side.progress.wait(pending, side.progress.now() + 1s, [&] { side.progress.finish(pending); }));
}

TEST(Progress, WaitsInARowArmTheTransportOnceForAHelperThatSleeps) {
  Side side({.helper = true});
  EXPECT_EQ(side.transport->looks_of_next_sleep(), 1);
  for (int turn = 0; turn < 10; ++turn) {
    wait_shortly(side);
  }
  EXPECT_EQ(side.transport->arms_of_tester.load(), 1);
  EXPECT_GT(side.transport->looks_of_next_sleep(), 0) << "the helper sleeps again once no thread waits";
}

TEST(Progress, WaitsFarFromEachOtherLeaveTheHelperAsleep) {
  Side side({.helper = true});
  EXPECT_EQ(side.transport->looks_of_next_sleep(), 1);
  for (int turn = 0; turn < 10; ++turn) {
    side.transport->pass(1ms);
    wait_shortly(side);
  }
  EXPECT_EQ(side.transport->arms_of_tester.load(), 10);
  EXPECT_FALSE(side.transport->slept.try_acquire()) << "it was woken";
}

// The waiting thread sleeps in the transport, and drives when it wakes: the helper looks once a second.
TEST(Progress, TheHelperRestsWhileAnotherThreadWaitsLong) {
  Side side({.spin = 0us, .helper = true});
  EXPECT_EQ(side.transport->looks_of_next_sleep(), 1);
  const auto begun = std::chrono::steady_clock::now();
  Pending pending;
  std::atomic<bool> waits{false};
  std::thread waiter([&] {
    EXPECT_TRUE(side.progress.wait(pending, Transport::Clock::time_point::max(), [&] { waits = true; }));
  });
  while (!waits) {
    std::this_thread::yield();
  }
  side.transport->bring();  // wakes the helper, which leaves driving to the waiting thread
  EXPECT_GT(side.transport->looks_of_next_sleep(), 0);
  std::this_thread::sleep_for(1500ms);  // the helper's pause beside a thread that waits ends after 1 s
  const int looks = side.transport->looks.load();
  const auto passed = std::chrono::steady_clock::now() - begun;
  EXPECT_LE(looks, 8 * (1 + passed / 1s));
  side.progress.post([&] { side.progress.finish(pending); });
  waiter.join();
}

// Ranks that keep sending requests to this one are served by its helper, and no waiting thread is held up by
// them.
TEST(Progress, WhoHasWaitedLeavesThoughMessagesKeepComing) {
  Side side({.helper = true});
  EXPECT_EQ(side.transport->looks_of_next_sleep(), 1);
  side.transport->floods = true;
  const Pending never;
  EXPECT_FALSE(side.progress.wait(never, side.progress.now() + 50us));
  const int looks = side.transport->looks.load();
  const auto until = std::chrono::steady_clock::now() + 60s;
  while (side.transport->looks.load() <= looks + 1000 && std::chrono::steady_clock::now() < until) {
    std::this_thread::yield();
  }
  EXPECT_GT(side.transport->looks.load(), looks + 1000) << "the helper is still asleep";
}

TEST(Progress, ALookEndsThoughMessagesKeepComing) {
  Side side({.helper = false});
  side.transport->floods = true;
  const auto due = side.progress.poll();
  EXPECT_LE(due, side.progress.now()) << "there are more messages";
  EXPECT_LT(side.transport->looks.load(), 1000);
}

TEST(Progress, AStepIsRunAtOnceWhereNobodyElseDrives) {
  Side side({.spin = 0us, .helper = false});
  const Pending never;
  int looks_before = -1;
  EXPECT_FALSE(side.progress.wait(never, side.progress.now() + 1s,
                                  [&] { looks_before = side.transport->looks.load(); }));
  EXPECT_EQ(looks_before, 0);
}

// Whether that thread of this process sleeps in the kernel.
bool sleeps(pid_t thread) {
  std::ifstream file("/proc/self/task/" + std::to_string(thread) + "/stat");
  std::string text;
  std::getline(file, text);
  const auto name_ends = text.rfind(')');
  return name_ends != std::string::npos && text.substr(name_ends).starts_with(") S");
}

// A thread that begins to wait while another one drives sleeps without driving.
TEST(Progress, WhoLeavesHasAnotherDriveWhoWaits) {
  Side side({.spin = 0us, .helper = false});
  constexpr auto for_ever = Transport::Clock::time_point::max();
  Pending mine;
  Pending other;
  std::atomic<pid_t> comes{0};
  std::thread waiter;
  EXPECT_TRUE(side.progress.wait(mine, for_ever, [&] {
    waiter = std::thread([&] {
      comes = ::gettid();
      EXPECT_TRUE(side.progress.wait(other, for_ever));
    });
    while (comes == 0 ||
           !sleeps(comes)) {  // otherwise it would drive itself, and this test would show nothing
      std::this_thread::yield();
    }
    side.progress.finish(mine);
  }));
  EXPECT_TRUE(side.transport->slept.try_acquire_for(20s)) << "no thread drives";
  side.progress.finish_from_outside(other);
  waiter.join();
}

// The driver has not caused the exception, and the step's changes may be incomplete.
TEST(ProgressDeathTest, AStepThatThrowsEndsTheProcess) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        Side side({.spin = 0us, .helper = false});
        side.progress.submit([] { throw std::bad_alloc(); });
        (void)side.progress.poll();
      },
      "bad_alloc");
}

}  // namespace
}  // namespace locum
