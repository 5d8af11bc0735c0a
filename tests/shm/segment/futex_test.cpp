#include "shm/segment/futex.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <array>
#include <atomic>
#include <new>
#include <thread>
#include <vector>

#include "tests/shm/child.hpp"

namespace locum::shm {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(Futex, ReturnsAtOnceIfTheWordHasChanged) {
  Word32 word{2};
  const auto start = Deadline::Clock::now();
  futex_wait(word, 1, start + seconds(60));
  EXPECT_LT(Deadline::Clock::now() - start, seconds(20));
}

TEST(Futex, ReturnsAtOnceIfTheMomentIsOver) {
  Word32 word{1};
  const auto start = Deadline::Clock::now();
  futex_wait(word, 1, start);
  futex_wait(word, 1, start - seconds(1));
  futex_wait(word, 1, Deadline::Clock::time_point::min());
  EXPECT_LT(Deadline::Clock::now() - start, seconds(20));
}

TEST(Futex, SleepsUntilTheMoment) {
  Word32 word{1};
  const auto moment = Deadline::Clock::now() + milliseconds(50);
  while (Deadline::Clock::now() < moment) {  // it may return early
    futex_wait(word, 1, moment);
  }
  EXPECT_EQ(word, 1U);
  EXPECT_LT(Deadline::Clock::now() - moment, seconds(20));
}

TEST(Futex, WakesAll) {
  Word32 word{0};
  std::atomic<int> woken{0};
  std::vector<std::thread> sleepers;
  for (int i = 0; i < 3; ++i) {
    sleepers.emplace_back([&] {
      const auto moment = Deadline::Clock::now() + seconds(60);
      while (word.load() == 0 && Deadline::Clock::now() < moment) {
        futex_wait(word, 0, Deadline::Clock::time_point::max());
      }
      ++woken;
    });
  }
  word.store(1);
  futex_wake_all(word);
  for (std::thread& sleeper : sleepers) {
    sleeper.join();
  }
  EXPECT_EQ(woken, 3);
}

TEST(Futex, WorksBetweenProcesses) {
  void* page = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(page, MAP_FAILED);
  auto* words = ::new (page) std::array<Word32, 2>{};
  std::thread waker([&] {
    while ((*words)[1].load() == 0) {  // the child is about to sleep
      std::this_thread::yield();
    }
    (*words)[0].store(1);
    futex_wake_all((*words)[0]);
  });
  const tests::Ending ending = tests::in_child([&] {
    (*words)[1].store(1);
    const auto moment = Deadline::Clock::now() + seconds(20);
    while ((*words)[0].load() == 0 && Deadline::Clock::now() < moment) {
      futex_wait((*words)[0], 0, moment);
    }
    return std::string((*words)[0].load() == 1 ? "woken" : "not woken");
  });
  (*words)[1].store(1);
  waker.join();
  EXPECT_EQ(ending.said, "woken");
  ::munmap(page, 4096);
}

}  // namespace
}  // namespace locum::shm
