#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <new>
#include <numeric>
#include <random>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <locum/pipeline.hpp>

#include "tests/core/code_of.hpp"
#include "tests/core/forked_child.hpp"

namespace locum {
namespace {

using namespace std::chrono_literals;

std::vector<int> numbers_to(int count) {
  std::vector<int> all(static_cast<std::size_t>(count));
  std::iota(all.begin(), all.end(), 0);
  return all;
}

/// Endless numbers; counts what was pulled.
struct CountedSource {
  std::atomic<int>* pulled;
  int most = 1'000'000;
  Result<std::optional<int>> next(Deadline /*deadline*/) {
    return *pulled < most ? std::optional<int>((*pulled)++) : std::optional<int>();
  }
};

/// Has no element until it is cancelled.
class SilentSource {
 public:
  Result<std::optional<int>> next(Deadline deadline) {
    std::unique_lock lock(mutex_);
    ++calls_;
    changed_.notify_all();
    const auto moment = deadline.moment(1h);
    while (!cancelled_) {
      if (changed_.wait_until(lock, moment) == std::cv_status::timeout) {
        return Error(Errc::timeout, "no element");
      }
    }
    return Error(Errc::cancelled, "cancelled");
  }
  void cancel() noexcept {
    const std::lock_guard lock(mutex_);
    cancelled_ = true;
    changed_.notify_all();
  }
  bool await_call() {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, 60s, [this] { return calls_ > 0; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int calls_ = 0;
  bool cancelled_ = false;
};

TEST(Pipeline, PassesARangeThroughEachStage) {
  const auto numbers = numbers_to(10);
  EXPECT_EQ(pipeline(numbers).map([](int x) { return 2 * x; }).collect().value(),
            (std::vector{0, 2, 4, 6, 8, 10, 12, 14, 16, 18}));
  EXPECT_EQ(pipeline(numbers).filter([](int x) { return x % 3 == 0; }).collect().value(),
            (std::vector{0, 3, 6, 9}));
  EXPECT_EQ(pipeline(numbers).skip(2).take(3).collect().value(), (std::vector{2, 3, 4}));
  EXPECT_EQ(pipeline(numbers).split(1, 4).collect().value(), (std::vector{1, 5, 9}));
  EXPECT_EQ(pipeline(numbers).batch(4).collect().value(),
            (std::vector<std::vector<int>>{{0, 1, 2, 3}, {4, 5, 6, 7}, {8, 9}}));
  EXPECT_EQ(pipeline(numbers).batch(4, LastBatch::drop).collect().value().size(), 2);
  EXPECT_EQ(pipeline(numbers).batch(3).flatten().collect().value(), numbers);
  EXPECT_EQ(pipeline(numbers).batch(4).interleave(2).collect().value(),
            (std::vector{0, 4, 1, 5, 2, 6, 3, 7, 8, 9}));
  EXPECT_EQ(pipeline(numbers).prefetch(3).collect().value(), numbers);
  EXPECT_EQ(pipeline(numbers).prefetch(ByteBound{8}).collect().value(), numbers);
  EXPECT_EQ(pipeline(numbers).async_map([](int x) { return x; }, 4).collect().value(), numbers);
  auto any = pipeline(numbers).async_map([](int x) { return x; }, 4, Order::any).collect().value();
  std::sort(any.begin(), any.end());
  EXPECT_EQ(any, numbers);
}

TEST(Pipeline, ShufflesByTheSeed) {
  const auto numbers = numbers_to(100);
  const auto one = pipeline(numbers).shuffle(10, 7).collect().value();
  EXPECT_EQ(one, pipeline(numbers).shuffle(10, 7).collect().value());
  EXPECT_NE(one, pipeline(numbers).shuffle(10, 8).collect().value());
  EXPECT_NE(one, numbers);
  for (std::size_t at = 0; at < one.size(); ++at) {
    EXPECT_LT(one[at], static_cast<int>(at) + 10);  // no further ahead than the buffer
  }
  auto sorted = one;
  std::sort(sorted.begin(), sorted.end());
  EXPECT_EQ(sorted, numbers);
}

TEST(Pipeline, TakesElementsThatCanOnlyBeMoved) {
  std::vector<std::unique_ptr<int>> owned;
  for (int number = 0; number < 5; ++number) {
    owned.push_back(std::make_unique<int>(number));
  }
  auto all = pipeline(std::move(owned))
                 .async_map([](std::unique_ptr<int> one) { return one; }, 2)
                 .batch(2)
                 .prefetch(1)
                 .flatten()
                 .shuffle(3, 1)
                 .collect();
  ASSERT_TRUE(all);
  EXPECT_EQ(all->size(), 5);
}

TEST(Pipeline, EndsAtOnceWithoutElements) {
  const std::vector<int> none;
  EXPECT_TRUE(
      pipeline(none).map([](int x) { return x; }).batch(3).shuffle(4, 1).prefetch(2).collect()->empty());
  EXPECT_TRUE(pipeline([] { return std::optional<int>(); }).collect()->empty());
  EXPECT_EQ(pipeline(none).async_map([](int x) { return x; }, 3).join().succeeded, 0);
}

TEST(Pipeline, ReadsGeneratorsAndInputRanges) {
  EXPECT_EQ(pipeline([at = 0]() mutable { return at < 3 ? std::optional<int>(at++) : std::nullopt; })
                .collect()
                .value(),
            (std::vector{0, 1, 2}));
  std::istringstream text("4 5 6");
  EXPECT_EQ(pipeline(std::views::istream<int>(text)).collect().value(), (std::vector{4, 5, 6}));
}

TEST(Pipeline, PullsNothingBeforeItIsAskedAndNoMoreThanItHolds) {
  std::atomic<int> pulled{0};
  {
    auto lazy = pipeline(CountedSource{&pulled}).map([](int x) { return x; }).shuffle(10, 1);
    EXPECT_EQ(pulled, 0);
    (void)lazy.next();
    EXPECT_EQ(pulled, 10);
    (void)lazy.next();
    EXPECT_EQ(pulled, 11);
  }
  pulled = 0;
  EXPECT_EQ(pipeline(CountedSource{&pulled}).take(3).collect()->size(), 3);
  EXPECT_EQ(pulled, 3);
  pulled = 0;
  auto batches = pipeline(CountedSource{&pulled}).batch(4);
  (void)batches.next();
  EXPECT_EQ(pulled, 4);
}

TEST(Pipeline, PrefetchesUpToItsBound) {
  std::atomic<int> pulled{0};
  auto ahead = pipeline(CountedSource{&pulled}).prefetch(5);
  for (int taken = 1; taken <= 50; ++taken) {
    ASSERT_EQ(ahead.next()->value(), taken - 1);
    EXPECT_LE(pulled, taken + 5);
  }
  const auto until = std::chrono::steady_clock::now() + 60s;
  while (pulled < 55 && std::chrono::steady_clock::now() < until) {
    std::this_thread::yield();
  }
  EXPECT_EQ(pulled, 55);
}

TEST(Pipeline, CallsSeveralFunctionsAtATime) {
  std::atomic<int> now{0};
  std::atomic<int> most{0};
  const auto slow = [&](int x) {
    int seen = ++now;
    for (int before = most; before < seen && !most.compare_exchange_weak(before, seen);) {
    }
    std::this_thread::sleep_for(100ms);
    --now;
    return x;
  };
  const auto numbers = numbers_to(160);
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(pipeline(numbers).async_map(slow, 16).collect().value(), numbers);
  const auto took = std::chrono::steady_clock::now() - begin;
  EXPECT_EQ(most, 16);
  EXPECT_LT(took, 8s);  // 1 s; one after the other 16 s
  RecordProperty("milliseconds",
                 static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(took).count()));
}

/// A coroutine that waits for a promise of its own: made and settled by hand.
class ByHand {
 public:
  AsyncResult<int> call(int number) {
    auto state = std::make_shared<detail::SettledState<int>>(SharedState::completions_of_process());
    states_.push_back(state);
    numbers_.push_back(number);
    return AsyncResult<int>(state);
  }
  void settle(std::size_t at) { states_[at]->settle(Result<int>(numbers_[at])); }
  void fail(std::size_t at) { states_[at]->settle(Result<int>(Error(Errc::peer_lost, "lost"))); }
  std::size_t calls() const { return states_.size(); }
  bool cancelled(std::size_t at) const { return states_[at]->ended() && states_[at]->cancelled(); }

 private:
  std::vector<std::shared_ptr<detail::SettledState<int>>> states_;
  std::vector<int> numbers_;
};

TEST(Pipeline, KeepsAsynchronousCallsInFlightWithoutThreads) {
  ByHand hand;
  const auto numbers = numbers_to(10);
  {
    auto calls = pipeline(numbers).async_map([&](int x) { return hand.call(x); }, 3);
    EXPECT_EQ(calls.next(0s).error().code(), Errc::timeout);
    EXPECT_EQ(hand.calls(), 3);
    hand.settle(1);
    EXPECT_EQ(calls.next(0s).error().code(), Errc::timeout);  // 0 is before it
    hand.settle(0);
    EXPECT_EQ(calls.next()->value(), 0);
    EXPECT_EQ(calls.next()->value(), 1);
    EXPECT_EQ(hand.calls(), 4);
    EXPECT_EQ(calls.position().value(), 2);
  }
  EXPECT_TRUE(hand.cancelled(2));
  EXPECT_TRUE(hand.cancelled(3));
}

TEST(Pipeline, GivesAsynchronousResultsAsTheyCome) {
  ByHand hand;
  const auto numbers = numbers_to(10);
  auto calls = pipeline(numbers).async_map([&](int x) { return hand.call(x); }, 3, Order::any);
  EXPECT_FALSE(calls.next(0s));
  hand.settle(2);
  EXPECT_EQ(calls.next()->value(), 2);
  hand.settle(1);
  EXPECT_EQ(calls.next()->value(), 1);
  hand.settle(0);
  EXPECT_EQ(calls.next()->value(), 0);
  EXPECT_EQ(calls.position().error().code(), Errc::unsupported);
}

TEST(Pipeline, DoesNotWaitForASlowElementInAnyOrder) {
  std::promise<void> released;
  const auto until = released.get_future().share();
  const auto numbers = numbers_to(20);
  auto calls = pipeline(numbers).async_map(
      [until](int x) {
        if (x == 0) {
          until.wait();
        }
        return x;
      },
      2, Order::any);
  for (int number = 1; number < 20; ++number) {
    ASSERT_EQ(calls.next()->value(), number);
  }
  released.set_value();
  EXPECT_EQ(calls.next()->value(), 0);
  EXPECT_FALSE(calls.next()->has_value());
}

int fails_at_3(int x) {
  if (x == 3) {
    throw std::runtime_error("three");
  }
  return x;
}

TEST(Pipeline, EndsWithAnErrorThatNamesTheElement) {
  const auto numbers = numbers_to(10);
  const auto check = [](auto stages) {
    std::vector<int> seen;
    try {
      for (const int one : stages) {
        seen.push_back(one);
      }
      ADD_FAILURE() << "no error";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Errc::system);
      EXPECT_NE(std::string(error.what()).find("element 3 "), std::string::npos) << error.what();
      EXPECT_EQ(error.detail(), "three");
    }
    EXPECT_EQ(seen, numbers_to(3));
    EXPECT_FALSE(stages.next());  // and later
    EXPECT_EQ(stages.position().value(), 3);
    EXPECT_EQ(stages.report().failed, 1);
  };
  check(pipeline(numbers).map(fails_at_3));
  check(pipeline(numbers).async_map(fails_at_3, 4));
  check(pipeline(numbers).filter([](int x) { return fails_at_3(x) >= 0; }));
  check(pipeline(numbers).map(fails_at_3).prefetch(2));
  check(pipeline(numbers).map(fails_at_3).async_map([](int x) { return x; }, 2));
}

TEST(Pipeline, MakesErrorsOfExceptions) {
  const auto numbers = numbers_to(3);
  EXPECT_EQ(pipeline(numbers).map([](int) -> int { throw std::bad_alloc(); }).collect().error().code(),
            Errc::out_of_memory);
  EXPECT_EQ(pipeline(numbers).async_map([](int) -> int { throw 5; }, 2).collect().error().code(),
            Errc::system);
  EXPECT_EQ(pipeline(numbers)
                .map([](int) -> Result<int> { return Error(Errc::not_found, "none"); })
                .collect()
                .error()
                .code(),
            Errc::not_found);
  const auto error = pipeline([]() -> std::optional<int> { throw std::runtime_error("source"); })
                         .prefetch(2)
                         .collect()
                         .error();
  EXPECT_EQ(error.detail(), "source");
  EXPECT_EQ(pipeline(numbers).for_each([](int x) { fails_at_3(x + 2); }).error().detail(), "three");
}

TEST(Pipeline, SkipsAndReports) {
  const auto numbers = numbers_to(40);
  const auto odd_fail = [](int x) -> Result<int> {
    return x % 2 == 0 ? Result<int>(x) : Error(Errc::corrupt, "odd");
  };
  const auto check = [](auto stages) {
    const auto report = stages.join();
    EXPECT_EQ(report.succeeded, 20);
    EXPECT_EQ(report.failed, 20);
    EXPECT_FALSE(report.error);
    ASSERT_EQ(report.failures.size(), PipelineReport::most_failures);
    EXPECT_EQ(report.failures.front().element, 1);
    EXPECT_EQ(report.failures.back().element, 31);
    EXPECT_EQ(stages.position().value(), 40);
  };
  check(pipeline(numbers).on_error({.skip = true}).map(odd_fail));
  check(pipeline(numbers).on_error({.skip = true}).async_map(odd_fail, 5));
  check(pipeline(numbers)
            .on_error({.skip = true})
            .async_map([&](int x) { return AsyncResult<int>(odd_fail(x)); }, 5));
}

TEST(Pipeline, Retries) {
  const auto numbers = numbers_to(5);
  const auto check = [&](auto make) {
    std::vector<std::atomic<int>> calls(5);
    const auto flaky = [&calls](const int& x) -> Result<int> {
      return ++calls[static_cast<std::size_t>(x)] <= 2 ? Error(Errc::timeout, "again") : Result<int>(x);
    };
    auto good = make({.retries = 2}, flaky);
    EXPECT_EQ(good.collect().value(), numbers);
    EXPECT_EQ(good.report().retried, 10);
    for (auto& count : calls) {
      count = 0;
    }
    auto bad = make({.retries = 1}, flaky);
    EXPECT_EQ(bad.collect().error().code(), Errc::timeout);
  };
  check([&](ErrorPolicy policy, auto f) { return pipeline(numbers).on_error(policy).map(f); });
  check([&](ErrorPolicy policy, auto f) { return pipeline(numbers).on_error(policy).async_map(f, 3); });
  check([&](ErrorPolicy policy, auto f) {
    return pipeline(numbers).on_error(policy).async_map([f](const int& x) { return AsyncResult<int>(f(x)); },
                                                        3);
  });
}

TEST(Pipeline, JoinCountsEveryElementOnce) {
  std::atomic<int> pulled{0};
  auto stages =
      pipeline(CountedSource{&pulled, 100})
          .async_map(
              [](int x) -> Result<int> { return x == 30 ? Error(Errc::corrupt, "thirty") : Result<int>(x); },
              8);
  const auto report = stages.join();
  EXPECT_EQ(report.succeeded, 30);
  EXPECT_EQ(report.failed, 1);
  ASSERT_TRUE(report.error);
  EXPECT_NE(report.error->text().find("element 30 "), std::string::npos);
  EXPECT_EQ(report.succeeded + report.failed + report.cancelled, static_cast<std::uint64_t>(pulled));
  EXPECT_LE(report.cancelled, 7);
}

TEST(Pipeline, TellsThePositionThatWasConsumed) {
  const auto numbers = numbers_to(20);
  auto stages = pipeline(numbers)
                    .filter([](int x) { return x % 2 == 1; })
                    .async_map([](int x) { return x; }, 4)
                    .batch(3)
                    .prefetch(2);
  EXPECT_EQ(stages.position().value(), 0);
  (void)stages.next();
  EXPECT_EQ(stages.position().value(), 6);  // 1, 3, 5
  (void)stages.next();
  EXPECT_EQ(stages.position().value(), 12);
  EXPECT_EQ(stages.collect()->size(), 2);
  EXPECT_EQ(stages.position().value(), 20);
  EXPECT_EQ(pipeline(numbers).shuffle(2, 1).position().error().code(), Errc::unsupported);
  EXPECT_EQ(pipeline(numbers).batch(2).interleave(2).position().error().code(), Errc::unsupported);
  auto flat = pipeline(numbers).batch(2).flatten();
  (void)flat.next();
  EXPECT_EQ(flat.position().error().code(), Errc::unsupported);
  (void)flat.next();
  EXPECT_EQ(flat.position().value(), 2);
}

TEST(Pipeline, ReadsAgain) {
  const auto numbers = numbers_to(6);
  auto ranges = pipeline(numbers).async_map([](int x) { return x; }, 2).batch(4);
  for (int pass = 0; pass < 3; ++pass) {
    int count = 0;
    for (const auto& batch : ranges) {
      count += static_cast<int>(batch.size());
    }
    EXPECT_EQ(count, 6);
  }
  std::atomic<int> pulled{0};
  auto cached = pipeline(CountedSource{&pulled, 5}).cache({5 * sizeof(int)}).shuffle(3, 1);
  std::vector<int> seen;
  for (int pass = 0; pass < 3; ++pass) {
    for (const int one : cached) {
      seen.push_back(one);
    }
  }
  EXPECT_EQ(pulled, 5);
  EXPECT_EQ(seen.size(), 15);
  EXPECT_EQ(pipeline(numbers).cache({5 * sizeof(int)}).collect().error().code(), Errc::queue_full);
  auto once = pipeline(numbers_to(3));
  EXPECT_EQ(once.collect()->size(), 3);
  EXPECT_THROW((void)once.begin(), Error);
}

TEST(Pipeline, TeeGivesAllToEachAndRefusesToHang) {
  const auto numbers = numbers_to(10);
  auto both = pipeline(numbers).tee(2, 4);
  for (int number = 0; number < 4; ++number) {
    EXPECT_EQ(both[0].next()->value(), number);
  }
  EXPECT_EQ(both[0].next(0s).error().code(), Errc::queue_full);  // nobody reads the other one
  EXPECT_EQ(both[1].next()->value(), 0);
  EXPECT_EQ(both[0].next()->value(), 4);
  EXPECT_EQ(both[0].next(1h).error().code(), Errc::queue_full);  // this thread reads the other one
  EXPECT_EQ(both[1].next()->value(), 1);
}

TEST(Pipeline, TeeServesThreads) {
  const auto numbers = numbers_to(5000);
  auto all = pipeline(numbers).prefetch(3).tee(3, 2);
  std::vector<std::vector<int>> seen(3);
  {
    std::vector<std::jthread> readers;
    for (std::size_t reader = 0; reader < 3; ++reader) {
      readers.emplace_back([&, reader] { seen[reader] = all[reader].collect().value(); });
    }
  }
  for (const auto& one : seen) {
    EXPECT_EQ(one, numbers);
  }
}

TEST(Pipeline, WaitsUntilTheDeadlineAndGoesOn) {
  SilentSource silent;
  auto stages = pipeline(silent).prefetch(2).batch(2).shuffle(3, 1);
  EXPECT_EQ(stages.next(1ms).error().code(), Errc::timeout);
  EXPECT_EQ(stages.next(1ms).error().code(), Errc::timeout);
}

TEST(Pipeline, IsCancelledFromAnotherThread) {
  SilentSource silent;
  auto stages = pipeline(silent).shuffle(3, 1).prefetch(2).batch(2).async_map([](auto x) { return x; }, 3);
  std::jthread other([&] {
    EXPECT_TRUE(silent.await_call());
    stages.cancel();
  });
  EXPECT_EQ(stages.next(1h).error().code(), Errc::cancelled);
}

TEST(Pipeline, IsDestroyedInTheMiddle) {
  std::atomic<int> alive{0};
  for (int round = 0; round < 200; ++round) {
    std::atomic<int> pulled{0};
    auto stages = pipeline(CountedSource{&pulled})
                      .async_map(
                          [&](int x) {
                            ++alive;
                            const int same = x;
                            --alive;
                            return same;
                          },
                          4)
                      .shuffle(10, 3)
                      .prefetch(3)
                      .async_map([](int x) { return x; }, 2, Order::any);
    for (int taken = 0; taken < round % 7; ++taken) {
      ASSERT_TRUE(stages.next());
    }
  }
  EXPECT_EQ(alive, 0);
}

TEST(Pipeline, IsClosedInAForkedProcess) {
  std::atomic<int> pulled{0};
  auto stages = pipeline(CountedSource{&pulled}).prefetch(2).batch(2);
  ASSERT_TRUE(stages.next());
  const int status = tests::status_of_child([&stages] {
    auto own = std::move(stages);
    return own.next().error().code() == Errc::closed ? 0 : 1;  // and is destroyed
  });
  EXPECT_EQ(status, 0);
  EXPECT_TRUE(stages.next());
}

TEST(Pipeline, RefusesArgumentsThatMakeNoSense) {
  const auto numbers = numbers_to(3);
  EXPECT_THROW((void)pipeline(numbers).batch(0), Error);
  EXPECT_THROW((void)pipeline(numbers).prefetch(0), Error);
  EXPECT_THROW((void)pipeline(numbers).shuffle(0, 1), Error);
  EXPECT_THROW((void)pipeline(numbers).split(2, 2), Error);
  EXPECT_THROW((void)pipeline(numbers).async_map([](int x) { return x; }, 0), Error);
}

/// A source of any type, so that the stages of a pipeline can be chosen when the program runs.
class AnySource {
 public:
  template <class P>
  explicit AnySource(P stages) {
    auto held = std::make_shared<P>(std::move(stages));
    next_ = [held](Deadline deadline) { return held->next(deadline); };
    cancel_ = [held] { held->cancel(); };
  }
  Result<std::optional<int>> next(Deadline deadline) { return next_(deadline); }
  void cancel() noexcept { cancel_(); }

 private:
  std::function<Result<std::optional<int>>(Deadline)> next_;
  std::function<void()> cancel_;
};

TEST(Pipeline, AgreesWithAPlainReference) {
  std::mt19937 random(20261201);
  for (int trial = 0; trial < 2000; ++trial) {
    std::vector<int> expected = numbers_to(static_cast<int>(random() % 40));
    AnySource source(pipeline(std::vector<int>(expected)));
    std::string made;
    for (std::uint64_t stage = random() % 5; stage > 0; --stage) {
      const int number = static_cast<int>(random() % 5);
      const auto count = static_cast<std::size_t>(number);
      const auto kind = random() % 9;
      made += std::to_string(kind) + "(" + std::to_string(number) + ") ";
      auto before = pipeline(std::move(source));
      switch (kind) {
        case 0:
          for (int& one : expected) {
            one += number;
          }
          source = AnySource(std::move(before).map([number](int x) { return x + number; }));
          break;
        case 1:
          std::erase_if(expected, [number](int x) { return x % 5 == number; });
          source = AnySource(std::move(before).filter([number](int x) { return x % 5 != number; }));
          break;
        case 2:
          expected.resize(std::min(expected.size(), count * 5));
          source = AnySource(std::move(before).take(count * 5));
          break;
        case 3:
          expected.erase(expected.begin(),
                         expected.begin() + static_cast<std::ptrdiff_t>(std::min(expected.size(), count)));
          source = AnySource(std::move(before).skip(count));
          break;
        case 4:
          source = AnySource(std::move(before).batch(count + 1).flatten());
          break;
        case 5:
          source = AnySource(std::move(before).prefetch(count + 1));
          break;
        case 6: {
          std::vector<int> own;
          for (std::size_t at = count; at < expected.size(); at += 5) {
            own.push_back(expected[at]);
          }
          expected = own;
          source = AnySource(std::move(before).split(count, 5));
          break;
        }
        case 7:
          source = AnySource(
              std::move(before).async_map([](int x) { return AsyncResult<int>(Result<int>(x)); }, count + 1));
          break;
        default:
          source = AnySource(std::move(before).async_map([](int x) { return x; }, count + 1));
      }
    }
    ASSERT_EQ(pipeline(std::move(source)).collect().value(), expected) << "trial " << trial << ": " << made;
  }
}

}  // namespace
// Sources that never wait look at no deadline, and stages that leave out or collect elements pull many.
TEST(Pipeline, KeepsToDeadlinesWhereNothingComes) {
  const auto forever = [number = 0]() mutable { return std::optional<int>(++number); };
  const auto none = [](int) { return false; };
  const auto late = [](auto pipeline) {
    const auto next = pipeline.next(std::chrono::milliseconds(20));
    return next ? Errc{} : next.error().code();
  };
  EXPECT_EQ(late(pipeline(forever).filter(none)), Errc::timeout);
  EXPECT_EQ(late(pipeline(forever).skip(std::uint64_t{1} << 60U)), Errc::timeout);
  EXPECT_EQ(late(pipeline(forever).batch(std::size_t{1} << 40U)), Errc::timeout);
  EXPECT_EQ(late(pipeline(forever).map([](int) { return std::vector<int>(); }).flatten()), Errc::timeout);
  EXPECT_EQ(late(pipeline(forever).filter(none).prefetch(2)), Errc::timeout);  // and the destructor ends it
  EXPECT_EQ(late(pipeline(forever).on_error({.skip = true}).map([](int) -> Result<int> {
              return Error(Errc::corrupt, "none");
            })),
            Errc::timeout);
}

TEST(Pipeline, RefusesStagesOnceItHasBegun) {
  auto begun = pipeline(std::vector<int>{1, 2, 3});
  EXPECT_EQ(begun.next().value(), 1);
  EXPECT_THROW((void)std::move(begun).batch(2), Error);
  auto other = pipeline(std::vector<int>{1, 2, 3}).prefetch(2);
  EXPECT_EQ(other.next().value(), 1);
  EXPECT_THROW((void)std::move(other).tee(2, 4), Error);
}

TEST(Pipeline, TellsNoPositionWithinAnElementThatTakeHasCut) {
  const std::vector<std::vector<int>> lists{{1, 2, 3}, {4, 5}};
  auto cut = pipeline(lists).flatten().take(2);
  EXPECT_EQ(cut.collect().value(), (std::vector<int>{1, 2}));
  EXPECT_EQ(tests::code_of(cut.position()), Errc::unsupported);
}

TEST(Pipeline, TeeServesTheOthersWhenOneIsCancelled) {
  std::vector<int> numbers(500);
  std::iota(numbers.begin(), numbers.end(), 0);
  auto two = pipeline(numbers).tee(2, 16);
  two[1].cancel();
  EXPECT_EQ(two[0].collect().value(), numbers);
}

}  // namespace locum
