#include "core/async_result.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <future>
#include <numeric>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "core/async/completion_counter.hpp"
#include "core/async/serial_executor.hpp"
#include "core/codec.hpp"
#include "core/detail/session_state.hpp"
#include "core/node/local.hpp"
#include "core/store.hpp"
#include "tests/core/code_of.hpp"
#include "tests/core/copy_of.hpp"
#include "tests/core/slow_connector.hpp"

namespace locum::tests {
namespace {

using namespace std::chrono_literals;
using tests::SlowConnector;

TEST(CompletionCounter, DoNotLetAThreadSleepOverWhatHasEnded) {
  CompletionCounter completions(1s);
  const std::uint64_t seen = completions.count();
  completions.tell();
  const auto began = CompletionCounter::Clock::now();
  completions.await(seen, began + 20s);
  EXPECT_LE(CompletionCounter::Clock::now() - began, 10s);
  completions.await(completions.count(), CompletionCounter::Clock::now() + 20ms);
  EXPECT_GE(CompletionCounter::Clock::now() - began, 20ms);
}

/// A value that is moved slowly by the thread that ends an operation with it.
struct SlowToMove {
  struct Moves {
    std::atomic<bool> ends = false;  ///< the operation is being ended
    std::atomic<bool> cancels = false;
  };

  explicit SlowToMove(Moves* of) : moves(of) {}
  SlowToMove(SlowToMove&& other) noexcept : moves(other.moves), number(other.number + 1) {
    if (number == 2) {  // first into the result, then into the state
      moves->ends = true;
      while (!moves->cancels) {
        std::this_thread::yield();
      }
      for (int turn = 0; turn < 1000; ++turn) {
        std::this_thread::yield();
      }
    }
  }

  Moves* moves;
  int number = 0;
};

TEST(SharedState, HasEndedOnceItIsCancelledThoughAnotherThreadIsEndingIt) {
  SlowToMove::Moves moves;
  detail::SettledState<SlowToMove> state(CompletionCounter::of_process());
  std::thread ending([&] { EXPECT_TRUE(state.settle(Result<SlowToMove>(SlowToMove(&moves)))); });
  while (!moves.ends) {
    std::this_thread::yield();
  }
  moves.cancels = true;
  state.cancel();
  EXPECT_TRUE(state.ended());
  ending.join();
  EXPECT_FALSE(state.cancelled());
}

/// A store whose asynchronous gets end when the test says so.
class FutureTest : public ::testing::Test {
 protected:
  Key put(double value) { return store_.put(value).value(); }
  std::vector<Key> put_some(int count) {
    std::vector<Key> keys;
    for (int i = 0; i < count; ++i) {
      keys.push_back(put(i));
    }
    return keys;
  }

  std::shared_ptr<SlowConnector> slow_ = std::make_shared<SlowConnector>(open_local());
  std::shared_ptr<Session> session_ = std::make_shared<Session>(slow_, std::make_shared<Metrics>());
  Store store_ = session_->open("fields").value();
};

TEST_F(FutureTest, ShowsItsObjectWhenThatHasCome) {
  const Future<double> future = store_.get_async<double>(put(2.5));
  EXPECT_FALSE(future.ready());
  EXPECT_FALSE(future.wait_for(0ms));
  EXPECT_EQ(code_of(future.get(1ms)), Errc::timeout);
  std::thread other([&] { slow_->arrive(0); });
  const auto got = future.get(10s);
  other.join();
  ASSERT_TRUE(got) << got.error();
  EXPECT_EQ(**got, 2.5);
  EXPECT_TRUE(future.ready());
  EXPECT_EQ(future.get()->get(), got->get()) << "the same object in place, each time";
}

TEST_F(FutureTest, IsDecodedByWhoAsksFirst) {
  const std::vector<std::string> words{"one", "two"};
  const Key key = store_.put(words).value();
  const auto future = store_.get_async<std::vector<std::string>>(key);
  slow_->arrive(0);
  EXPECT_EQ(session_->metrics().decodes, 0U);
  EXPECT_EQ(copy_of(future.get()), words);
  EXPECT_EQ(copy_of(future.get()), words);
  EXPECT_EQ(session_->metrics().decodes, 1U);
}

TEST_F(FutureTest, SaysWhatWentWrong) {
  EXPECT_EQ(code_of(Future<double>().get()), Errc::invalid_argument);
  EXPECT_EQ(code_of(store_.get_async<double>("").get()), Errc::invalid_argument);
  const Key key = put(1);
  EXPECT_EQ(code_of(session_->open("others").value().get_async<double>(key).get()), Errc::not_found);
  const auto lost = store_.get_async<double>(key);
  slow_->coming(0).arrive(Error(Errc::peer_lost, "gone"));
  const auto got = lost.get();
  ASSERT_EQ(code_of(got), Errc::peer_lost);
  EXPECT_EQ(got.error().key(), to_string(key)) << "the error has the key";
  const auto wrong = store_.get_async<float[]>(key);
  slow_->arrive(1);
  EXPECT_EQ(code_of(wrong.get()), Errc::type_mismatch);
  session_->close();
  EXPECT_EQ(code_of(store_.get_async<double>(key).get()), Errc::closed);
}

// A queued operation begins as soon as a thread waits for it.
TEST_F(FutureTest, HurriesOnlyWhatIsWaitedFor) {
  const auto keys = put_some(6);
  const auto parts = store_.get_async<double>(keys);
  EXPECT_FALSE(parts[0].ready());
  EXPECT_FALSE(parts[0].wait_for(0ms));
  EXPECT_FALSE(slow_->coming(0).expedited()) << "no thread waited";
  EXPECT_EQ(code_of(parts[1].get(1ms)), Errc::timeout);
  EXPECT_TRUE(slow_->coming(1).expedited());
  (void)parts[2].then([](const Result<View<double>>&) {});
  EXPECT_TRUE(slow_->coming(2).expedited());
  std::vector<Future<double>> rest(parts.begin() + 3, parts.end());
  EXPECT_FALSE(when_any(rest, 1ms));
  EXPECT_TRUE(slow_->coming(3).expedited()) << "the first one, so that one of them ends";
  EXPECT_FALSE(slow_->coming(4).expedited());
  EXPECT_FALSE(when_all(rest, 1ms));
  EXPECT_TRUE(slow_->coming(5).expedited()) << "all of them";
  slow_->arrive(2);  // an operation with a continuation lives until it ends
}

TEST_F(FutureTest, ReadsWhatIsHereAtOnce) {
  const auto session = std::make_shared<Session>(open_local(), std::make_shared<Metrics>());
  Store store = session->open("fields").value();
  const Key key = store.put("pi", 3.14).value();
  const auto by_key = store.get_async<double>(key);
  EXPECT_TRUE(by_key.ready());
  EXPECT_EQ(**by_key.get(), 3.14);
  EXPECT_EQ(**store.get_async<double>("pi").get(0ms), 3.14);
  EXPECT_EQ(code_of(store.get_async<double>("rho").get()), Errc::not_found);
}

TEST_F(FutureTest, IsCancelledAtOnceForAllItsCopies) {
  const auto future = store_.get_async<double>(put(1));
  const auto copy = future;
  std::thread other([&] { copy.cancel(); });
  EXPECT_TRUE(future.wait_for(10s));
  other.join();
  EXPECT_EQ(code_of(future.get()), Errc::cancelled);
  EXPECT_TRUE(slow_->coming(0).forgotten());
  slow_->arrive(0);
  EXPECT_EQ(code_of(copy.get()), Errc::cancelled) << "a later arrival changes nothing";

  const auto there = store_.get_async<double>(put(2));
  slow_->arrive(1);
  there.cancel();
  EXPECT_EQ(**there.get(), 2);
  EXPECT_FALSE(slow_->coming(1).forgotten());
}

TEST_F(FutureTest, DroppedUnreadLetsGoOfItsObject) {
  {
    const auto future = store_.get_async<double>(put(1));
    const auto copy = future;  // NOLINT(performance-unnecessary-copy-initialization)
  }
  EXPECT_TRUE(slow_->coming(0).forgotten());
  slow_->arrive(0);
}

TEST_F(FutureTest, CallsWhatFollowsElsewhereAndInOrder) {
  const auto future = store_.get_async<double>(put(4));
  std::vector<int> called;
  std::thread::id where;
  const auto first = future.then([&](const Result<View<double>>& got) {
    where = std::this_thread::get_id();
    called.push_back(1);
    return **got * 2;
  });
  const auto second = future.then([&](const Result<View<double>>&) { called.push_back(2); });
  static_assert(std::is_same_v<decltype(second.get()), Result<void>>);
  const auto chained = first.then([](Result<double> doubled) -> Result<std::string> {
    return doubled ? Result<std::string>(std::to_string(*doubled)) : Result<std::string>(doubled.error());
  });
  EXPECT_FALSE(first.ready());
  slow_->arrive(0);
  EXPECT_EQ(*chained.get(), "8.000000");
  ASSERT_TRUE(second.get());
  EXPECT_EQ(called, (std::vector<int>{1, 2}));
  EXPECT_NE(where, std::this_thread::get_id());
  // After a future that has ended, and after one that never had to wait.
  EXPECT_EQ(*future.then([](const Result<View<double>>& got) { return **got + 1; }).get(), 5);
  EXPECT_EQ(*Future<double>().then([](const Result<View<double>>& got) { return code_of(got); }).get(),
            Errc::invalid_argument);
}

TEST_F(FutureTest, HandsOnWhatIsThrown) {
  const auto future = store_.get_async<double>(put(4));
  const auto next = future.then([](const Result<View<double>>&) -> int { throw std::runtime_error("no"); });
  const auto after = next.then([](const Result<int>&) { return 1; });
  slow_->arrive(0);
  EXPECT_THROW((void)next.get(), std::runtime_error);
  EXPECT_THROW((void)next.get(), std::runtime_error) << "each time";
  EXPECT_THROW((void)after.get(), std::runtime_error);
}

/// Throws at its n-th copy; moving it copies it.
struct Brittle {
  Brittle() = default;
  Brittle(const Brittle& other) : number(other.number) {
    if (copies_left-- == 0) {
      throw std::runtime_error("no copy");
    }
  }
  Brittle& operator=(const Brittle&) = delete;
  ~Brittle() = default;

  int number = 7;
  static inline int copies_left = -1;
};

// At whichever copy it throws.
TEST_F(FutureTest, EndsWithWhatItsValueThrowsWhenItIsCopied) {
  int thrown = 0;
  bool more = true;
  for (int copies = 0; more; ++copies) {
    Brittle::copies_left = copies;
    const auto next = Future<double>().then([](const Result<View<double>>&) { return Brittle(); });
    ASSERT_TRUE(next.wait_for(10s)) << "copy " << copies;
    for (int again = 0; again < 2; ++again) {
      try {
        EXPECT_EQ(next.get().value().number, 7) << "copy " << copies;
      } catch (const std::runtime_error&) {
        ++thrown;
      }
    }
    more = Brittle::copies_left < 0;
    Brittle::copies_left = -1;
  }
  EXPECT_GT(thrown, 2);
}

/// Its first decoding throws an exception that the library does not catch.
struct Moody {
  static constexpr std::string_view name = "moody";
  std::uint64_t size(const std::string& text) const { return text.size(); }
  std::size_t encode(const std::string& text, std::span<std::byte> memory) const {
    std::ranges::copy(std::as_bytes(std::span(text)), memory.begin());
    return text.size();
  }
  static void decode(std::span<const std::byte> bytes, std::string& text) {
    if (std::exchange(throws, false)) {
      throw 42;  // NOLINT(hicpp-exception-baseclass)
    }
    text.assign(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }

  static inline bool throws = true;
};

TEST(FutureByCodec, IsReadAgainWhereItsDecodingThrew) {
  const auto session = std::make_shared<Session>(open_local(), std::make_shared<Metrics>());
  auto store = session->open("fields").value();
  const std::string text(1000, 'x');
  ASSERT_TRUE(store.put("text", text, {.codec = Moody{}}));
  const auto future = store.get_async<std::string>("text", {.codec = Moody{}});
  EXPECT_THROW((void)future.get(), int);
  const auto got = future.get();
  ASSERT_TRUE(got) << got.error();
  EXPECT_EQ(**got, text);
}

TEST_F(FutureTest, DoesNotCallWhatWasCancelled) {
  const auto future = store_.get_async<double>(put(4));
  bool called = false;
  const auto next = future.then([&](const Result<View<double>>&) { called = true; });
  const auto last = future.then([](const Result<View<double>>&) {});
  next.cancel();
  EXPECT_EQ(code_of(next.get()), Errc::cancelled);
  slow_->arrive(0);
  ASSERT_TRUE(last.get());  // queued behind it
  EXPECT_FALSE(called);
  // A cancelled future passes the error on to its continuation.
  const auto other = store_.get_async<double>(put(4));
  const auto told = other.then([](const Result<View<double>>& got) { return code_of(got); });
  other.cancel();
  EXPECT_EQ(*told.get(), Errc::cancelled);
}

TEST_F(FutureTest, CallsWhatFollowsWhereTheExecutorSays) {
  std::vector<std::function<void()>> tasks;
  Mutex mutex;
  const auto future = store_.get_async<double>(put(4)).on([&](std::function<void()> task) {
    const MutexLock lock(mutex);
    tasks.push_back(std::move(task));
  });
  const auto next = future.then([](const Result<View<double>>& got) { return **got; });
  const auto last = next.then([](const Result<double>& got) { return *got + 1; });
  const auto marked = store_.get_async<double>(put(5)).then([](const Result<View<double>>&) {});
  slow_->arrive(0);
  slow_->arrive(1);
  ASSERT_TRUE(marked.get());
  EXPECT_FALSE(next.ready());
  ASSERT_EQ(tasks.size(), 1U);
  tasks[0]();
  EXPECT_EQ(*next.get(), 4);
  (void)future.then([](const Result<View<double>>&) {});
  session_->state()
      ->completions()
      ->continuations()
      .close();  // continuations have been passed to the executor then
  ASSERT_EQ(tasks.size(), 3U) << "a continuation's continuation, too";
  tasks[1]();
  EXPECT_EQ(*last.get(), 5);
}

TEST_F(FutureTest, GivesTheFirstOfAllThatHaveCome) {
  auto parts = store_.get_async<double>(put_some(4));
  ASSERT_EQ(parts.size(), 4U);
  EXPECT_FALSE(when_any(parts, 0ms)) << "none has ended yet";
  slow_->arrive(2);
  slow_->arrive(0);
  std::vector<double> order;
  for (int i = 0; i < 2; ++i) {
    order.push_back(**when_any(parts)->get());
  }
  EXPECT_FALSE(when_any(parts, 1ms));
  std::thread other([&] {
    slow_->arrive(3);
    slow_->arrive(1);
  });
  while (auto part = when_any(parts)) {
    order.push_back(**part->get());
  }
  other.join();
  EXPECT_EQ(order, (std::vector<double>{2, 0, 3, 1}));
  EXPECT_FALSE(when_any(parts)) << "each is returned once";
  std::vector<Future<double>> none;
  EXPECT_FALSE(when_any(none));
  std::array<Future<double>, 2> empty;
  EXPECT_TRUE(when_any(empty));
  EXPECT_TRUE(when_any(empty));
  EXPECT_FALSE(when_any(empty));
}

TEST_F(FutureTest, GivesTheFirstOfSeveralRuntimes) {
  const auto other_slow = std::make_shared<SlowConnector>(open_local());
  const auto other = std::make_shared<Session>(other_slow, std::make_shared<Metrics>());
  Store others = other->open("fields").value();
  std::vector<Future<double>> parts{store_.get_async<double>(put(1)),
                                    others.get_async<double>(others.put(2.0).value())};
  std::thread thread([&] { other_slow->arrive(0); });
  EXPECT_EQ(**when_any(parts)->get(), 2);
  thread.join();
}

TEST_F(FutureTest, WaitsForAll) {
  const auto parts = store_.get_async<double>(put_some(3));
  slow_->arrive(1);
  slow_->arrive(2);
  EXPECT_FALSE(when_all(parts, 1ms));
  std::thread other([&] { slow_->coming(0).arrive(Error(Errc::peer_lost, "gone")); });
  EXPECT_TRUE(when_all(parts));
  other.join();
  EXPECT_EQ(code_of(parts[0].get()), Errc::peer_lost);
  EXPECT_TRUE(when_all(std::vector<Future<double>>()));
}

// Coroutines

AsyncResult<double> sum(Store store, std::vector<Key> keys) {
  double total = 0;
  for (const Key& key : keys) {
    const auto value = co_await store.get_async<double>(key);
    if (!value) {
      co_return value.error();
    }
    total += **value;
  }
  co_return total;
}

AsyncResult<void> note(Store store, Key key, std::vector<double>& into) {
  into.push_back(**co_await store.get_async<double>(key));
}

AsyncResult<int> throwing(Store store, Key key) {
  (void)co_await store.get_async<double>(key);
  throw std::runtime_error("no");
}

TEST_F(FutureTest, IsAwaitedByCoroutines) {
  const auto total = sum(store_, put_some(3));
  EXPECT_EQ(slow_->begun(), 1U) << "it began at once, and is suspended";
  for (const std::size_t n : {0U, 1U, 2U}) {
    // Each begins the next one on the thread of continuations.
    while (slow_->begun() <= n) {
      std::this_thread::yield();
    }
    EXPECT_FALSE(total.ready());
    slow_->arrive(n);
  }
  EXPECT_EQ(*total.get(), 3);

  const auto failed = sum(store_, put_some(2));
  slow_->coming(3).arrive(Error(Errc::timeout, "late"));
  EXPECT_EQ(code_of(failed.get()), Errc::timeout);

  std::vector<double> notes;
  const auto noted = note(store_, put(9), notes);
  slow_->arrive(4);
  ASSERT_TRUE(noted.get());
  EXPECT_EQ(notes, std::vector<double>{9});

  const auto thrown = throwing(store_, put(9));
  slow_->arrive(5);
  EXPECT_THROW((void)thrown.get(), std::runtime_error);
}

// Closing

TEST_F(FutureTest, RunsWhatFollowsBeforeTheEnd) {
  bool called = false;
  auto future = std::make_optional(store_.get_async<double>(put(1)));
  (void)future->then([&](const Result<View<double>>&) { called = true; });
  slow_->arrive(0);
  session_->state()->completions()->continuations().close();
  EXPECT_TRUE(called);
  std::thread::id where;
  (void)future->then([&](const Result<View<double>>&) { where = std::this_thread::get_id(); });
  EXPECT_EQ(where, std::this_thread::get_id()) << "no other thread is left";
  session_.reset();
  EXPECT_EQ(**future->get(), 1) << "it keeps its object";
}

TEST_F(FutureTest, MayEndTheRuntimeInWhatFollows) {
  const auto future = store_.get_async<double>(put(1));
  bool called = false;
  const auto closed = future.then(
      [&](const Result<View<double>>&) { session_->state()->completions()->continuations().close(); });
  const auto next = future.then([&](const Result<View<double>>&) { called = true; });
  slow_->arrive(0);
  ASSERT_TRUE(closed.get());
  ASSERT_TRUE(next.get());
  EXPECT_TRUE(called);
}

// Threads

TEST_F(FutureTest, MayBeUsedByAnyNumberOfThreads) {
  constexpr int count = 400;
  const auto keys = put_some(count);
  auto parts = store_.get_async<double>(keys);
  std::atomic<int> followed = 0;
  std::vector<AsyncResult<void>> after;
  for (const auto& part : parts) {
    after.push_back(part.then([&](const Result<View<double>>&) { ++followed; }));
  }
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&, t] {
      for (int i = t; i < count; i += 3) {
        slow_->arrive(static_cast<std::size_t>(i));
      }
    });
    threads.emplace_back([&, t] {
      for (int i = count - 1 - t; i >= 0; i -= 3) {
        const auto got = parts[static_cast<std::size_t>(i)].get();
        EXPECT_TRUE(got && **got == i);
      }
    });
  }
  auto mine = parts;
  std::vector<bool> seen(count);
  while (auto part = when_any(mine)) {
    const auto at = part.place();
    EXPECT_FALSE(seen[at]);
    seen[at] = true;
  }
  for (auto& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(std::count(seen.begin(), seen.end(), true), count);
  EXPECT_TRUE(when_all(after));
  EXPECT_EQ(followed, count);
}

TEST_F(FutureTest, EndsOnceWhereArrivalAndCancellationRace) {
  for (int round = 0; round < 200; ++round) {
    const auto future = store_.get_async<double>(put(round));
    std::atomic<int> called = 0;
    const auto after = future.then([&](const Result<View<double>>&) { ++called; });
    std::thread other([&] { slow_->arrive(static_cast<std::size_t>(round)); });
    future.cancel();
    const auto got = future.get();
    other.join();
    ASSERT_TRUE(after.get());
    EXPECT_EQ(called, 1);
    EXPECT_TRUE((got && **got == round) || code_of(got) == Errc::cancelled);
    EXPECT_EQ(code_of(future.get()), code_of(got));
  }
}

}  // namespace
}  // namespace locum::tests
