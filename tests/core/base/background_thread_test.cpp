#include "core/base/background_thread.hpp"

#include <gtest/gtest.h>
#include <pthread.h>
#include <signal.h>  // NOLINT(modernize-deprecated-headers): pthread_sigmask is not in <csignal>

#include <array>
#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "core/base/fork_mark.hpp"
#include "tests/core/forked_child.hpp"
#include "tests/core/no_more_threads.hpp"

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define LOCUM_TEST_UNDER_TSAN
#endif
#elif defined(__SANITIZE_THREAD__)
#define LOCUM_TEST_UNDER_TSAN
#endif

namespace locum {
namespace {

using namespace std::chrono_literals;
using tests::status_of_child;

constexpr auto patience = 60s;
constexpr std::array faults{SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS};
constexpr std::array to_the_process{SIGTERM, SIGINT, SIGALRM, SIGUSR1, SIGUSR2, SIGCHLD, SIGPIPE, SIGHUP};

sigset_t mask_of_this_thread() {
  sigset_t mask;
  ::pthread_sigmask(SIG_SETMASK, nullptr, &mask);
  return mask;
}

bool blocks(const sigset_t& mask, int signal) {
  return ::sigismember(&mask, signal) == 1;
}

/// A thread that counts the calls of next(), one at a time.
class Counting {
 public:
  explicit Counting(const char* name = "locum count") {
    thread_
        .start(name,
               [this] {
                 for (int seen = 0; !ended_.load(); seen = asked_.load()) {
                   answered_.store(seen);
                   answered_.notify_all();
                   asked_.wait(seen);
                 }
               })
        .value();
  }
  Counting(const Counting&) = delete;
  Counting& operator=(const Counting&) = delete;
  ~Counting() {
    if (thread_.is_started()) {
      ended_.store(true);
      ++asked_;
      asked_.notify_all();
    }
  }

  /// Whether it answers.
  bool next() {
    const int wanted = ++asked_;
    asked_.notify_all();
    const auto moment = std::chrono::steady_clock::now() + patience;
    while (answered_.load() != wanted && std::chrono::steady_clock::now() < moment) {
      std::this_thread::yield();
    }
    return answered_.load() == wanted;
  }
  [[nodiscard]] BackgroundThread& thread() noexcept { return thread_; }

 private:
  std::atomic<bool> ended_{false};
  std::atomic<int> asked_{0};
  std::atomic<int> answered_{0};
  BackgroundThread thread_;
};

TEST(BackgroundThread, BlocksAllSignalsButThoseOfItsOwnFaults) {
  const sigset_t before = mask_of_this_thread();
  sigset_t none;
  ::sigemptyset(&none);
  sigset_t some = none;
  ::sigaddset(&some, SIGFPE);
  ::sigaddset(&some, SIGUSR1);
  for (const sigset_t& mask_of_starter : {none, some}) {
    ::pthread_sigmask(SIG_SETMASK, &mask_of_starter, nullptr);
    sigset_t its;
    {
      BackgroundThread thread;
      ASSERT_TRUE(thread.start("locum test", [&its] { its = mask_of_this_thread(); }));
    }
    for (const int signal : faults) {
      EXPECT_FALSE(blocks(its, signal)) << signal;
    }
    for (const int signal : to_the_process) {
      EXPECT_TRUE(blocks(its, signal)) << signal;
    }
    const sigset_t mine = mask_of_this_thread();
    for (int signal = 1; signal < NSIG; ++signal) {
      EXPECT_EQ(blocks(mine, signal), blocks(mask_of_starter, signal)) << signal;
    }
  }
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

TEST(BackgroundThread, HasItsName) {
  std::array<char, 16> name{};
  {
    BackgroundThread thread;
    ASSERT_TRUE(thread.start("locum: 15 chars",
                             [&name] { ::pthread_getname_np(::pthread_self(), name.data(), name.size()); }));
  }
  EXPECT_EQ(std::string(name.data()), "locum: 15 chars");
}

TEST(BackgroundThread, IsWaitedForAndMayStartAgain) {
  BackgroundThread thread;
  EXPECT_FALSE(thread.is_started());
  thread.join();
  int runs = 0;
  for (int round = 1; round <= 3; ++round) {
    ASSERT_TRUE(thread.start("locum test", [&runs] { ++runs; }));
    EXPECT_TRUE(thread.is_started());
    EXPECT_FALSE(thread.is_current());
    thread.join();
    EXPECT_FALSE(thread.is_started());
    EXPECT_EQ(runs, round);
  }
  ASSERT_TRUE(thread.start("locum test", [&runs] { ++runs; }));
  thread = BackgroundThread();  // waits
  EXPECT_EQ(runs, 4);
  {
    ASSERT_TRUE(thread.start("locum test", [&runs] { ++runs; }));
    const BackgroundThread moved(std::move(thread));
  }
  EXPECT_EQ(runs, 5);
}

TEST(BackgroundThread, MayBeDestroyedByItself) {
  std::promise<bool> was_current;
  auto ended = was_current.get_future();
  std::promise<void> owned;
  auto owner = std::make_unique<BackgroundThread>();
  BackgroundThread& thread = *owner;
  ASSERT_TRUE(thread.start("locum test", [&owner, &was_current, may = owned.get_future().share()] {
    may.wait();
    bool was = false;
    {
      const auto mine = std::move(owner);
      was = mine->is_current();
    }
    was_current.set_value(was);
  }));
  owned.set_value();
  ASSERT_EQ(ended.wait_for(patience), std::future_status::ready);
  EXPECT_TRUE(ended.get());
  EXPECT_EQ(owner, nullptr);
}

TEST(BackgroundThread, IsReportedIfItCannotStart) {
  BackgroundThread thread;
  {
    const tests::NoMoreThreads limited;
    const auto started = thread.start("locum test", [] {});
    ASSERT_FALSE(started);
    EXPECT_EQ(started.error().code(), Errc::system);
    EXPECT_NE(started.error().text().find("ulimit -u"), std::string::npos);
    EXPECT_FALSE(thread.is_started());
    EXPECT_FALSE(blocks(mask_of_this_thread(), SIGTERM));
  }
  EXPECT_TRUE(thread.start("locum test", [] {}));
}

TEST(BackgroundThread, IsNotThereInAForkedProcess) {
  auto counting = std::make_unique<Counting>();
  ASSERT_TRUE(counting->next());
  for (int round = 0; round < 3; ++round) {
    EXPECT_EQ(status_of_child([&] {
                const bool was_there = counting->thread().is_started();
                counting.reset();
                return was_there ? 1 : 0;
              }),
              0);
    EXPECT_TRUE(counting->thread().is_started());
    EXPECT_TRUE(counting->next()) << "that of the parent goes on";
  }
}

#ifndef LOCUM_TEST_UNDER_TSAN  // which allows a forked process no threads
// In the child the number of the parent's thread, and its stack, may be given to a new one.
TEST(BackgroundThread, OfTheParentIsNotTakenForOneOfTheChild) {
  auto inherited = std::make_unique<Counting>();
  ASSERT_TRUE(inherited->next());
  EXPECT_EQ(status_of_child([&] {
              Counting own;
              bool answers = own.next();
              inherited.reset();
              answers = own.next() && answers;
              return answers && own.thread().is_started() ? 0 : 1;  // and is waited for
            }),
            0);
  EXPECT_EQ(status_of_child([&] {
              std::atomic<bool> ran{false};
              BackgroundThread& thread = inherited->thread();
              const bool started = thread.start("locum test", [&ran] { ran = true; }).has_value();
              thread.join();
              return started && ran ? 0 : 1;
            }),
            0);
  EXPECT_TRUE(inherited->next());
}
#endif

TEST(ForkMark, KnowsTheProcessThatMadeIt) {
  const ForkMark mark;
  EXPECT_FALSE(mark.in_child());
  EXPECT_EQ(status_of_child([&mark] {
              const ForkMark own;
              const ForkMark copy = mark;
              const bool right = mark.in_child() && copy.in_child() && !own.in_child();
              const int grandchild =
                  status_of_child([&] { return mark.in_child() && own.in_child() ? 0 : 1; });
              return right && grandchild == 0 ? 0 : 1;
            }),
            0);
  EXPECT_FALSE(mark.in_child());
  EXPECT_FALSE(ForkMark().in_child());
}

}  // namespace
}  // namespace locum
