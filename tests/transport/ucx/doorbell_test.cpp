#include "transport/ucx/doorbell.hpp"

#include <gtest/gtest.h>
#include <signal.h>  // NOLINT(modernize-deprecated-headers): sigaction is not in <csignal>
#include <sys/eventfd.h>
#include <sys/time.h>

#include <algorithm>
#include <chrono>
#include <thread>

namespace locum::ucx {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

// An event descriptor replaces that of a worker.
class DoorbellTest : public testing::Test {
 protected:
  // Whether a sleep of at most that time was ended early.
  [[nodiscard]] bool ended_early(Clock::duration longest) {
    const Clock::time_point end = Clock::now() + longest;
    doorbell_.sleep(end);
    return Clock::now() < end;
  }
  void something_to_move() { ASSERT_EQ(::eventfd_write(worker_.number(), 1), 0); }

  Descriptor worker_{::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
  Doorbell doorbell_{worker_.number()};
};

TEST_F(DoorbellTest, SleepsUntilTheMoment) {
  doorbell_.arm();
  EXPECT_FALSE(ended_early(20ms));
  const Clock::time_point start = Clock::now();
  doorbell_.sleep(start - 1s);
  EXPECT_LT(Clock::now() - start, 10s);
}

// A busy machine may delay a sleeper, but hardly each time.
TEST_F(DoorbellTest, SleepsLessThanAMillisecondWhereTheMomentIsNearer) {
  auto shortest = Clock::duration::max();
  for (int times = 0; times < 200; ++times) {
    const Clock::time_point start = Clock::now();
    EXPECT_FALSE(doorbell_.sleep(start + 100us));
    shortest = std::min(shortest, Clock::now() - start);
  }
  EXPECT_GE(shortest, 100us);
  EXPECT_LT(shortest, 900us);
}

TEST_F(DoorbellTest, HearsARingThatEndsAShortSleep) {
  doorbell_.ring();
  EXPECT_TRUE(doorbell_.sleep(Clock::now() + 500us));
}

// Signals arrive all the time; a sleep that ends early must not claim that its moment has come.
TEST_F(DoorbellTest, SaysThatASignalEndedAShortSleep) {
  struct sigaction counts {};
  counts.sa_handler = [](int) {};
  struct sigaction before {};
  ASSERT_EQ(::sigaction(SIGALRM, &counts, &before), 0);
  const itimerval often{.it_interval = {.tv_sec = 0, .tv_usec = 300},
                        .it_value = {.tv_sec = 0, .tv_usec = 300}};
  ASSERT_EQ(::setitimer(ITIMER_REAL, &often, nullptr), 0);
  const Clock::time_point latest = Clock::now() + 20s;
  int early = 0;
  int untold = 0;
  while (early < 50 && Clock::now() < latest) {
    const Clock::time_point moment = Clock::now() + 900us;
    const bool told = doorbell_.sleep(moment);
    const bool is_early = Clock::now() < moment;
    early += is_early ? 1 : 0;
    untold += is_early && !told ? 1 : 0;
  }
  const itimerval never{};
  ASSERT_EQ(::setitimer(ITIMER_REAL, &never, nullptr), 0);
  ASSERT_EQ(::sigaction(SIGALRM, &before, nullptr), 0);
  EXPECT_EQ(early, 50);
  EXPECT_EQ(untold, 0);
}

TEST_F(DoorbellTest, HearsTheWorkerOnlyWhileArmedAndOnce) {
  something_to_move();
  EXPECT_FALSE(ended_early(20ms));
  doorbell_.arm();
  EXPECT_TRUE(ended_early(30s));
  EXPECT_FALSE(ended_early(20ms)) << "armed once, and woken twice";
  doorbell_.arm();
  doorbell_.disarm();
  EXPECT_FALSE(ended_early(20ms));
}

TEST_F(DoorbellTest, ARingEndsTheNextSleepAndNoOther) {
  doorbell_.ring();
  doorbell_.ring();
  EXPECT_TRUE(ended_early(30s));
  EXPECT_FALSE(ended_early(20ms));
}

TEST_F(DoorbellTest, ASleeperHearsWhatIsArmedRungOrComesMeanwhile) {
  for (int way = 0; way < 3; ++way) {
    if (way == 2) {
      doorbell_.arm();
    }
    std::thread other([&] {
      switch (way) {
        case 0:
          doorbell_.ring();
          break;
        case 1:
          something_to_move();
          doorbell_.arm();
          break;
        default:
          something_to_move();
      }
    });
    EXPECT_TRUE(ended_early(30s)) << way;
    other.join();
    eventfd_t count = 0;
    static_cast<void>(::eventfd_read(worker_.number(), &count));
  }
}

}  // namespace
}  // namespace locum::ucx
