#include "core/backend/call_pool.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <latch>
#include <memory>
#include <thread>
#include <variant>
#include <vector>

#include "core/backend/pooled_call.hpp"
#include "core/backend/read_ahead.hpp"
#include "tests/core/code_of.hpp"
#include "tests/core/forked_child.hpp"

namespace locum::tests {
namespace {

TEST(CallPool, HasAsManyCallsUnderWayAsThreads) {
  CallPool pool(8);
  std::latch all(8);
  std::latch done(8);
  for (int call = 0; call < 8; ++call) {
    pool.add([&](bool goes_on) {
      EXPECT_TRUE(goes_on);
      all.arrive_and_wait();  // ends only if all eight run at once
      done.count_down();
    });
  }
  done.wait();
}

TEST(CallPool, MakesEachOfManyCallsOnce) {
  CallPool pool(4);
  std::array<std::atomic<int>, 1000> made{};
  pool.make_all(made.size(), [&](std::size_t at) { ++made[at]; });
  EXPECT_TRUE(std::ranges::all_of(made, [](const auto& count) { return count == 1; }));
  pool.make_all(0, [](std::size_t) { ADD_FAILURE(); });
}

TEST(CallPool, TellsQueuedCallsThatItHasClosed) {
  auto pool = std::make_unique<CallPool>(1);
  std::latch started(1);
  std::latch closing(1);
  std::atomic<int> refused{0};
  pool->add([&](bool) {
    started.count_down();
    closing.wait();
  });
  started.wait();
  for (int call = 0; call < 3; ++call) {
    pool->add([&](bool goes_on) {
      refused += goes_on ? 0 : 1;
      if (refused == 3) {
        closing.count_down();  // close() tells them before it waits for the one under way
      }
    });
  }
  pool->close();
  EXPECT_EQ(refused, 3);
  pool->add([&](bool goes_on) { refused += goes_on ? 0 : 10; });
  EXPECT_EQ(refused, 13);
}

TEST(CallPool, MayEndWithinOneOfItsCalls) {
  std::latch ended(1);
  auto pool = std::make_shared<CallPool>(2);
  CallPool& same = *pool;
  same.add([held = std::make_shared<std::shared_ptr<CallPool>>(std::move(pool)), &ended](bool) {
    held->reset();
    ended.count_down();
  });
  ended.wait();
}

// Its threads, and who holds its lock, are the parent's.
TEST(CallPool, IsDestroyedByAForkedProcess) {
  auto pool = std::make_unique<CallPool>(2);
  std::latch started(1);
  std::latch closing(1);
  std::latch made(2);
  pool->add([&](bool) {
    started.count_down();
    closing.wait();
    made.count_down();
  });
  started.wait();
  EXPECT_EQ(status_of_child([&pool] {
              pool.reset();
              return 0;
            }),
            0);
  pool->add([&](bool goes_on) {
    EXPECT_TRUE(goes_on);
    made.count_down();
  });
  closing.count_down();
  made.wait();
}

class CountedFetch final : public ReadAhead::Fetch {
 public:
  void start(ReadAhead::Ask ask) noexcept override { ++(ask == ReadAhead::Ask::whole ? starts : ends); }
  std::atomic<int> starts{0};
  std::atomic<int> ends{0};  ///< of starts with the end
};

TEST(ReadAhead, LetsInWhatFitsInOrder) {
  ReadAhead ahead(100, 64, ReadAhead::no_ends);
  std::array<std::shared_ptr<CountedFetch>, 5> fetches;
  const std::array<std::uint64_t, 5> bytes{60, 40, 1, 500, 10};
  for (std::size_t at = 0; at < fetches.size(); ++at) {
    fetches[at] = std::make_shared<CountedFetch>();
    ahead.enter(fetches[at], bytes[at]);
  }
  const auto starts = [&] {
    std::vector<int> all;
    for (const auto& fetch : fetches) {
      all.push_back(fetch->starts);
    }
    return all;
  };
  EXPECT_EQ(starts(), (std::vector<int>{1, 1, 0, 0, 0}));
  ahead.resize(60, 20);  // it was smaller than it said
  EXPECT_EQ(starts(), (std::vector<int>{1, 1, 1, 0, 0}));
  ahead.leave(20);
  ahead.leave(40);
  EXPECT_EQ(starts(), (std::vector<int>{1, 1, 1, 0, 0}))
      << "larger than all the room: waits until it is alone";
  ahead.leave(1);
  EXPECT_EQ(starts(), (std::vector<int>{1, 1, 1, 1, 0}));
  ahead.expedite(*fetches[4]);
  EXPECT_EQ(starts(), (std::vector<int>{1, 1, 1, 1, 1}));
  EXPECT_FALSE(ahead.withdraw(*fetches[4]));
}

// As large as those that came are those that come, as far as anybody knows: else thousands of names would
// start at once, whatever is under them.
/// Ends when it starts, as where the pool has no thread.
class EndedFetch final : public ReadAhead::Fetch {
 public:
  explicit EndedFetch(ReadAhead& ahead) : ahead_(ahead) {}
  void start(ReadAhead::Ask /*ask*/) noexcept override {
    ahead_.resize(60, 0);
    ahead_.leave(0);
  }

 private:
  ReadAhead& ahead_;
};

TEST(ReadAhead, LetsInManyThatEndAtOnceWithoutCallsWithinCalls) {
  ReadAhead ahead(100, 64, ReadAhead::no_ends);
  const auto first = std::make_shared<CountedFetch>();
  const auto last = std::make_shared<CountedFetch>();
  ahead.enter(first, 60);
  const auto ended = std::make_shared<EndedFetch>(ahead);
  for (int at = 0; at < 200'000; ++at) {
    ahead.enter(ended, 60);
  }
  ahead.enter(last, 60);
  EXPECT_EQ(last->starts, 0);
  ahead.leave(60);
  EXPECT_EQ(last->starts, 1);
}

TEST(ReadAhead, LetsInFewOfUnknownSize) {
  ReadAhead ahead(100, 64, ReadAhead::no_ends);
  const auto fetch = std::make_shared<CountedFetch>();  // for all of them: it counts
  for (int at = 0; at < 12; ++at) {
    ahead.enter(fetch, 0);
  }
  EXPECT_EQ(fetch->starts, 4) << "nothing is known of their size";
  ahead.resize(0, 30);
  EXPECT_EQ(fetch->starts, 4) << "one has come, and three are expected to take as much";
  ahead.leave(30);
  EXPECT_EQ(fetch->starts, 4);
  ahead.resize(0, 30);
  ahead.leave(30);
  EXPECT_EQ(fetch->starts, 5) << "three of 30 fit";
  for (int at = 0; at < 3; ++at) {
    ahead.resize(0, 1);
    ahead.leave(1);
  }
  EXPECT_EQ(fetch->starts, 9) << "they are taken to be smaller now: 21 bytes";
  ahead.expedite(*fetch);
  EXPECT_EQ(fetch->starts, 10) << "a thread waits for it";

  ReadAhead one_at_a_time(100, 1, ReadAhead::no_ends);
  const auto lone = std::make_shared<CountedFetch>();
  one_at_a_time.enter(lone, 0);
  one_at_a_time.enter(lone, 0);
  EXPECT_EQ(lone->starts, 1);
}

// As those of absent objects, and of facts alone.
TEST(ReadAhead, LearnsNothingOfSizesFromWhatHasNoBytes) {
  ReadAhead ahead(100, 64, ReadAhead::no_ends);
  const auto fetch = std::make_shared<CountedFetch>();
  for (int at = 0; at < 12; ++at) {
    ahead.enter(fetch, 0);
  }
  ahead.resize(0, 0);
  ahead.leave(0);
  EXPECT_EQ(fetch->starts, 5) << "one more for the one that has ended";
  ahead.resize(0, 1);
  ahead.leave(1);
  EXPECT_EQ(fetch->starts, 12) << "they are taken to be as small";
}

// Which are small: so many may be on their way, whatever is under the names.
TEST(ReadAhead, AsksForEndsWhereNothingIsKnownOfSizes) {
  ReadAhead ahead(100, 64, 9);
  std::vector<std::shared_ptr<CountedFetch>> fetches;
  for (int at = 0; at < 20; ++at) {
    fetches.push_back(std::make_shared<CountedFetch>());
    ahead.enter(fetches.back(), 0);
  }
  const auto sum = [&](std::atomic<int> CountedFetch::*counted) {
    int all = 0;
    for (const auto& fetch : fetches) {
      all += (*fetch).*counted;
    }
    return all;
  };
  EXPECT_EQ(sum(&CountedFetch::starts), 4);
  EXPECT_EQ(sum(&CountedFetch::ends), 7) << "eleven of 9 bytes are 99";
  ahead.enter_again(fetches[4], 40);
  EXPECT_EQ(sum(&CountedFetch::starts), 4) << "ten are on their way, which are expected to take 40 each";
  for (int at = 0; at < 4; ++at) {
    ahead.resize(0, 40);
    ahead.leave(40);
  }
  for (int at = 5; at < 11; ++at) {
    ahead.enter_again(fetches[static_cast<std::size_t>(at)], 40);
  }
  EXPECT_EQ(sum(&CountedFetch::starts), 4 + 2) << "of a known size, two fit";
  EXPECT_EQ(fetches[11]->starts + fetches[11]->ends, 0) << "it came later";
  EXPECT_EQ(sum(&CountedFetch::ends), 7);
  for (int came = 0; came < 7; ++came) {
    ahead.leave(40);
  }
  EXPECT_EQ(sum(&CountedFetch::starts), 4 + 7 + 2) << "from now on all are asked for as a whole";
  EXPECT_EQ(sum(&CountedFetch::ends), 7);
}

TEST(PooledCall, IsEndedForWhoeverHasItsResult) {
  const auto pool = std::make_shared<CallPool>(1);
  for (int round = 0; round < 500; ++round) {
    const auto call = std::make_shared<PooledCall<bool>>(
        pool, [] { return Result<bool>(true); }, nullptr, 0, std::chrono::seconds(20));
    call->begin();
    ASSERT_TRUE(call->get({}).value());
    ASSERT_TRUE(call->ended()) << "or it would keep its share of what is fetched ahead";
  }
}

TEST(PooledCall, EndsOnceAndKeepsItsResult) {
  const auto pool = std::make_shared<CallPool>(2);
  std::latch go(1);
  const auto call = std::make_shared<PooledCall<bool>>(
      pool,
      [&] {
        go.wait();
        return Result<bool>(true);
      },
      nullptr, 0, std::chrono::seconds(20));
  call->begin();
  EXPECT_FALSE(call->ended());
  EXPECT_EQ(code_of(call->get(std::chrono::milliseconds(1))), Errc::timeout);
  go.count_down();
  EXPECT_TRUE(call->get({}).value());
  EXPECT_TRUE(call->get({}).value());
}

TEST(PooledCall, LeavesTheQueueIfNobodyWantsIt) {
  const auto pool = std::make_shared<CallPool>(2);
  const auto ahead = std::make_shared<ReadAhead>(10, 64, ReadAhead::no_ends);
  ahead->enter(std::make_shared<CountedFetch>(), 10);
  const auto call = std::make_shared<PooledCall<bool>>(
      pool,
      [] {
        ADD_FAILURE() << "it never had room";
        return Result<bool>(true);
      },
      ahead, 10, std::chrono::seconds(20));
  call->begin();
  call->forget();
  EXPECT_EQ(code_of(call->get({})), Errc::cancelled);
  ahead->leave(10);
}

/// A call whose end is being asked for, until it is let go: then it turns out to have 60 bytes, for which
/// there is no room.
struct LargeCall {
  std::shared_ptr<CallPool> pool = std::make_shared<CallPool>(2);
  std::shared_ptr<ReadAhead> ahead = std::make_shared<ReadAhead>(100, 64, 1);
  std::latch looks{1};
  std::latch go{1};
  std::atomic<int> calls{0};
  std::shared_ptr<PooledCall<bool>> call = std::make_shared<PooledCall<bool>>(
      pool,
      [this] {
        ++calls;
        return Result<bool>(true);
      },
      ahead, 0, std::chrono::seconds(20),
      [this] {
        looks.count_down();
        go.wait();
        return std::variant<std::uint64_t, Result<bool>>(std::uint64_t{60});
      });

  LargeCall() {
    ahead->enter(std::make_shared<CountedFetch>(), 60);
    for (int others = 0; others < 4; ++others) {
      ahead->enter(std::make_shared<CountedFetch>(), 0);
    }
    call->begin();
    looks.wait();
  }
  /// As get(), which would expedite it.
  void wait() const {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!call->ended() && std::chrono::steady_clock::now() < until) {
      std::this_thread::yield();
    }
    EXPECT_TRUE(call->ended());
  }
};

TEST(PooledCall, IsMadeForTheWholeOnceItsEndSaysHowLargeItIs) {
  LargeCall large;
  large.go.count_down();
  large.ahead->leave(60);
  for (int others = 0; others < 4; ++others) {
    large.ahead->resize(0, 0);
    large.ahead->leave(0);
  }
  large.wait();
  EXPECT_EQ(large.calls, 1);
}

// It waits, or loses interest, while the call is between being asked for its end and the queue.
TEST(PooledCall, IsMadeAtOnceForWhoWaitedWhileItsEndWasAskedFor) {
  LargeCall large;
  large.call->expedite();
  large.go.count_down();
  EXPECT_TRUE(large.call->get({}).value());
  EXPECT_EQ(large.calls, 1);
}

TEST(PooledCall, IsNotMadeIfNobodyWantsItOnceItsEndHasCome) {
  LargeCall large;
  large.call->forget();
  large.go.count_down();
  large.wait();
  EXPECT_EQ(code_of(large.call->get({})), Errc::cancelled);
  EXPECT_EQ(large.calls, 0);
}

}  // namespace
}  // namespace locum::tests
