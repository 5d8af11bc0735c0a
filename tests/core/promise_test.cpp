#include "core/promise.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/node/promised.hpp"
#include "core/when.hpp"
#include "tests/core/code_of.hpp"
#include "tests/core/session_fixture.hpp"

// Promises of one process.
namespace locum {
namespace {

using namespace std::chrono_literals;
using tests::SessionFixture;

using tests::code_of;

class PromiseOfOneProcess : public ::testing::Test {
 protected:
  [[nodiscard]] Promise<double[]> promise() { return store_.promise<double[]>().value(); }
  /// A stand-in made from the handle after a round trip as bytes.
  [[nodiscard]] Proxy<double[]> received(const Handle& handle) {
    return one_.session->proxy<double[]>(handle);
  }

  SessionFixture one_;
  Store store_ = one_.store();
  const std::uint64_t objects_ = one_.connector->usage().own_objects;
  const std::uint64_t bytes_ = one_.connector->usage().own_used;
};

TEST_F(PromiseOfOneProcess, IsWaitedForUntilItIsSet) {
  auto promise = this->promise();
  const auto stand_in = received(promise.proxy().handle());
  EXPECT_FALSE(stand_in.ready());
  EXPECT_EQ(code_of(stand_in.try_get()), Errc::timeout);
  std::thread setter([&] {
    std::this_thread::yield();
    EXPECT_TRUE(promise.set(std::vector<double>{1, 2, 3}));
  });
  const auto view = stand_in.get();
  setter.join();
  ASSERT_TRUE(view) << view.error();
  EXPECT_EQ(std::vector<double>(view->begin(), view->end()), (std::vector<double>{1, 2, 3}));
  EXPECT_EQ((*stand_in)[1], 2.0);
}

TEST_F(PromiseOfOneProcess, IsThereAtOnceWhenItWasSetBefore) {
  auto promise = this->promise();
  const auto before = received(promise.proxy().handle());
  const Key key = promise.set(std::vector<double>{4}).value();
  EXPECT_EQ((*before)[0], 4.0);
  EXPECT_EQ(received(promise.proxy().handle()).get().value()[0], 4.0);
  before.release();
  EXPECT_TRUE(before.try_get()) << "nothing to wait for";
  EXPECT_EQ((*store_.get<double[]>(key))[0], 4.0) << "it is an ordinary object";
}

TEST_F(PromiseOfOneProcess, IsSetOnce) {
  auto promise = this->promise();
  ASSERT_TRUE(promise.set(std::vector<double>{1}));
  EXPECT_EQ(code_of(promise.set(std::vector<double>{2})), Errc::key_exists);
  EXPECT_EQ(promise.proxy().get().value()[0], 1.0);
}

// One of many threads sets it.
TEST_F(PromiseOfOneProcess, IsSetByOneOfManyThreads) {
  for (int round = 0; round < 20; ++round) {
    auto promise = this->promise();
    std::vector<Errc> codes(4);
    std::vector<std::thread> threads;
    for (std::size_t at = 0; at < codes.size(); ++at) {
      threads.emplace_back([&, at] { codes[at] = code_of(promise.set(std::vector<double>(1, double(at)))); });
    }
    for (auto& thread : threads) {
      thread.join();
    }
    std::optional<double> winner;
    for (std::size_t at = 0; at < codes.size(); ++at) {
      if (codes[at] == Errc{}) {
        EXPECT_FALSE(winner);
        winner = double(at);
      } else {
        EXPECT_EQ(codes[at], Errc::key_exists);
      }
    }
    ASSERT_TRUE(winner);
    EXPECT_EQ(promise.proxy().get().value()[0], *winner);
  }
}

TEST_F(PromiseOfOneProcess, BreaksWhenItIsDestroyedUnset) {
  std::optional<Promise<double[]>> promise = this->promise();
  const auto waiting = received(promise->proxy().handle());
  Errc told{};
  std::thread waiter([&] { told = code_of(waiting.get(20s)); });
  promise.reset();
  waiter.join();
  EXPECT_EQ(told, Errc::broken_promise);
  EXPECT_EQ(code_of(waiting.get()), Errc::broken_promise) << "each time";
  EXPECT_THROW((void)*waiting, Error);
  waiting.prefetch();
  EXPECT_EQ(code_of(waiting.try_get()), Errc::broken_promise);
}

// All waiting threads get the same outcome.
TEST_F(PromiseOfOneProcess, EndsInOneWayForAll) {
  for (int round = 0; round < 300; ++round) {
    const bool is_set = round % 2 == 0;
    std::optional<Promise<double[]>> promise = this->promise();
    const Handle handle = promise->proxy().handle();
    std::vector<Errc> told(3, Errc::timeout);
    std::vector<std::thread> waiting;
    for (Errc& code : told) {
      waiting.emplace_back([&] { code = code_of(received(handle).get(20s)); });
    }
    if (is_set) {
      EXPECT_TRUE(promise->set(std::vector<double>{1}));
    }
    promise.reset();
    for (auto& thread : waiting) {
      thread.join();
    }
    EXPECT_EQ(told, std::vector<Errc>(3, is_set ? Errc{} : Errc::broken_promise)) << round;
  }
}

TEST_F(PromiseOfOneProcess, MovesAndLeavesNothingBehind) {
  Promise<double[]> empty;
  EXPECT_FALSE(empty);
  EXPECT_EQ(code_of(empty.set(std::vector<double>{1})), Errc::invalid_argument);
  EXPECT_EQ(code_of(empty.proxy().get()), Errc::invalid_argument);
  auto first = promise();
  const auto of_first = first.proxy();
  auto second = promise();
  const auto of_second = second.proxy();
  second = std::move(first);
  ASSERT_TRUE(second.set(std::vector<double>{1}));
  EXPECT_TRUE(of_first.get());
  first = Promise<double[]>();
  EXPECT_EQ(code_of(of_second.get()), Errc::broken_promise);
}

TEST_F(PromiseOfOneProcess, ItsKeyStandsForItsValue) {
  auto promise = this->promise();
  const Key key = promise.proxy().key();
  EXPECT_EQ(code_of(store_.get<double[]>(key)), Errc::not_found) << "at once: only stand-ins wait";
  EXPECT_FALSE(store_.exists(key).value());
  EXPECT_FALSE(store_.evict(key).value());
  EXPECT_EQ(code_of(store_.info(key)), Errc::not_found);
  const Key real = promise.set(std::vector<double>{1, 2}).value();
  EXPECT_EQ((*store_.get<double[]>(key))[1], 2.0);
  EXPECT_EQ((*store_.get<double[]>(key, {.part = {.offset = 1, .count = 1}}))[0], 2.0);
  EXPECT_EQ((*store_.get_async<double[]>(key).get())[1], 2.0);
  EXPECT_TRUE(store_.exists(key).value());
  EXPECT_EQ(store_.info(key)->key, real);
  EXPECT_TRUE(store_.evict(key).value());
  EXPECT_FALSE(store_.exists(real).value());
  EXPECT_EQ(code_of(promise.proxy().get(20s)), Errc::not_found) << "a later call does not wait for it";
  EXPECT_EQ(code_of(promise.set(std::vector<double>{3})), Errc::key_exists);
  EXPECT_EQ(one_.connector->usage().own_objects, objects_);
  EXPECT_EQ(one_.connector->usage().own_used, bytes_);
}

TEST_F(PromiseOfOneProcess, HidesItsNameFromPrograms) {
  auto promise = this->promise();
  ASSERT_TRUE(promise.set(std::vector<double>{1}));
  EXPECT_TRUE(store_.keys()->empty());
  const std::string name = one_.connector->name_of(promise.proxy().key());
  EXPECT_EQ(code_of(store_.put(name, 1)), Errc::invalid_argument);
  EXPECT_EQ(code_of(store_.replace(name, 1)), Errc::invalid_argument);
  EXPECT_EQ(code_of(store_.evict(name)), Errc::invalid_argument);
  EXPECT_EQ(code_of(store_.wait<double[]>(name)), Errc::invalid_argument);
  EXPECT_EQ(code_of(store_.promise<int>(name)), Errc::invalid_argument);
}

TEST_F(PromiseOfOneProcess, LeavesProgramsAllNamesButItsOwn) {
  for (const std::size_t size : {8U, 9U, 15U, 17U, 23U, 25U, 65'536U}) {
    std::string name("\0promise", 8);
    name.resize(size, '\xFF');
    ASSERT_TRUE(store_.put(name, 1)) << size;
    EXPECT_EQ(**store_.get<int>(name), 1);
    EXPECT_EQ(**store_.wait<int>(name), 1);
    EXPECT_EQ(*store_.keys(), std::vector<std::string>{name});
    EXPECT_TRUE(store_.replace(name, 2));
    EXPECT_TRUE(store_.evict_batch(std::vector<std::string>{name})[0].value());
    auto promise = store_.promise<double[]>(name).value();
    ASSERT_TRUE(promise.set(std::vector<double>{1}));
    EXPECT_TRUE(store_.evict(name).value());
  }
}

TEST_F(PromiseOfOneProcess, UnderANameIsFoundByThatToo) {
  auto promise = store_.promise<double[]>("late").value();
  const auto waiting = received(promise.proxy().handle());
  EXPECT_EQ(code_of(store_.get<double[]>("late")), Errc::not_found);
  std::thread by_name([&] { EXPECT_EQ((*store_.wait<double[]>("late", 20s))[0], 1.0); });
  std::thread by_stand_in([&] { EXPECT_EQ((*waiting)[0], 1.0); });
  const Key key = promise.set(std::vector<double>{1}).value();
  by_name.join();
  by_stand_in.join();
  EXPECT_EQ(store_.info("late")->key, key);
  EXPECT_EQ(store_.info(promise.proxy().key())->name, "late");
  EXPECT_EQ(*store_.keys(), std::vector<std::string>{"late"});
  EXPECT_EQ(code_of(promise.set(std::vector<double>{2})), Errc::key_exists);
  EXPECT_TRUE(store_.evict(promise.proxy().key()).value());
  EXPECT_FALSE(store_.exists("late").value());
  waiting.release();
  EXPECT_EQ(one_.connector->usage().own_used, bytes_);
}

TEST_F(PromiseOfOneProcess, WhoWaitsByNameIsToldThatItIsBroken) {
  std::optional<Promise<double[]>> promise = store_.promise<double[]>("late").value();
  Errc told{};
  std::thread waiter([&] { told = code_of(store_.wait<double[]>("late", 20s)); });
  promise.reset();
  waiter.join();
  EXPECT_EQ(told, Errc::broken_promise);
  EXPECT_EQ(code_of(store_.wait<double[]>("late", 20s)), Errc::broken_promise) << "later waits, too";
  EXPECT_EQ(code_of(store_.wait<double[]>("late", 1ms)), Errc::broken_promise) << "and those that are short";
  EXPECT_EQ(code_of(store_.wait<double[]>("nobody's", 500ms)), Errc::timeout);
  EXPECT_TRUE(store_.keys()->empty());
  // Until the name is promised again, or put.
  promise = store_.promise<double[]>("late").value();
  std::thread again([&] { EXPECT_EQ((*store_.wait<double[]>("late", 20s))[0], 1.0); });
  EXPECT_EQ(code_of(store_.wait<double[]>("late", 500ms)), Errc::timeout);
  EXPECT_TRUE(promise->set(std::vector<double>{1}));
  again.join();
  EXPECT_TRUE(store_.evict("late"));
  EXPECT_EQ(code_of(store_.wait<double[]>("late", 500ms)), Errc::timeout) << "that promise was kept";
  promise = store_.promise<double[]>("late").value();
  promise.reset();
  std::thread third([&] { EXPECT_EQ((*store_.wait<double[]>("late", 20s))[0], 3.0); });
  EXPECT_TRUE(store_.put("late", std::vector<double>{3}));
  third.join();
}

TEST_F(PromiseOfOneProcess, WhoWaitsByNameGetsWhatAnotherPuts) {
  auto promise = store_.promise<double[]>("late").value();
  std::thread waiter([&] { EXPECT_EQ((*store_.wait<double[]>("late", 20s))[0], 9.0); });
  EXPECT_EQ(code_of(store_.wait<double[]>("late", 500ms)), Errc::timeout) << "not set yet";
  EXPECT_TRUE(store_.put("late", std::vector<double>{9}));
  waiter.join();
}

TEST_F(PromiseOfOneProcess, UnderANameThatIsTakenStaysUnset) {
  auto promise = store_.promise<double[]>("late").value();
  const Key other = store_.put("late", std::vector<double>{9}).value();
  EXPECT_EQ(code_of(promise.set(std::vector<double>{1})), Errc::key_exists);
  EXPECT_EQ((*store_.get<double[]>("late"))[0], 9.0);
  EXPECT_EQ(code_of(promise.proxy().try_get()), Errc::timeout);
  EXPECT_TRUE(store_.evict(other).value());
  EXPECT_TRUE(promise.set(std::vector<double>{1}));
  EXPECT_EQ(promise.proxy().get().value()[0], 1.0);
}

// A wait that begins much later finds nothing any more.
TEST_F(PromiseOfOneProcess, LeavesTheMarksOfTheLastThatWereBroken) {
  std::vector<Handle> handles;
  for (int i = 0; i < 5000; ++i) {
    const auto promise = this->promise();
    handles.push_back(promise.proxy().handle());
  }
  EXPECT_LE(one_.connector->usage().own_objects, objects_ + most_broken_promises);
  EXPECT_EQ(code_of(received(handles.back()).get(20s)), Errc::broken_promise);
  EXPECT_EQ(code_of(received(handles[handles.size() - most_broken_promises]).get(20s)), Errc::broken_promise);
  EXPECT_EQ(code_of(received(handles.front()).get(20s)), Errc::not_found);
}

/// How the value of a promise with a name is evicted.
enum class By { name, key, promise, batch, future };

bool evict(Store& store, By by, const Key& promised, const Key& value, const std::string& name) {
  switch (by) {
    case By::name:
      return store.evict(name).value();
    case By::key:
      return store.evict(value).value();
    case By::promise:
      return store.evict(promised).value();
    case By::batch:
      return store.evict_batch(std::vector<std::string>{name})[0].value();
    case By::future:
      return store.evict_async(name).get().value();
  }
  return false;
}

// One after the other, and with all of them set before any is evicted.
TEST_F(PromiseOfOneProcess, UnderANameGoesWithItsValue) {
  constexpr std::size_t most_left = 64;
  for (const By by : {By::name, By::key, By::promise, By::batch, By::future}) {
    for (int i = 0; i < 2000; ++i) {
      auto promise = store_.promise<double[]>("late").value();
      const Key value = promise.set(std::vector<double>{1}).value();
      ASSERT_TRUE(evict(store_, by, promise.proxy().key(), value, "late"));
    }
    EXPECT_LE(one_.connector->usage().own_objects, objects_ + most_left) << int(by);
    std::vector<Key> promised;
    std::vector<Key> values;
    for (int i = 0; i < 2000; ++i) {
      auto promise = store_.promise<double[]>("late" + std::to_string(i)).value();
      promised.push_back(promise.proxy().key());
      values.push_back(promise.set(std::vector<double>{1}).value());
    }
    EXPECT_GE(one_.connector->usage().own_objects, objects_ + 4000) << "none is removed before its value";
    for (std::size_t i = 0; i < values.size(); ++i) {
      ASSERT_TRUE(evict(store_, by, promised[i], values[i], "late" + std::to_string(i)));
    }
    EXPECT_LE(one_.connector->usage().own_objects, objects_ + most_left) << int(by);
    EXPECT_EQ(one_.session->report().memory.own_objects, objects_) << int(by);
  }
}

TEST_F(PromiseOfOneProcess, UnderANameThatIsReplacedGoesToo) {
  for (int i = 0; i < 2000; ++i) {
    auto promise = store_.promise<double[]>("late").value();
    ASSERT_TRUE(promise.set(std::vector<double>{1}));
    ASSERT_TRUE(store_.replace("late", std::vector<double>{2}));
    ASSERT_TRUE(store_.evict("late"));
  }
  EXPECT_EQ(one_.session->report().memory.own_objects, objects_);
}

TEST_F(PromiseOfOneProcess, OfAReplacedNameIsStale) {
  auto promise = store_.promise<double[]>("late").value();
  ASSERT_TRUE(promise.set(std::vector<double>{1}));
  ASSERT_TRUE(store_.replace("late", std::vector<double>{2}));
  EXPECT_EQ(code_of(promise.proxy().get()), Errc::stale);
}

TEST_F(PromiseOfOneProcess, EndsWithItsStore) {
  auto promise = this->promise();
  const auto waiting = promise.proxy();
  Errc told{};
  std::thread waiter([&] { told = code_of(waiting.get(20s)); });
  ASSERT_TRUE(one_.session->drop("fields"));
  waiter.join();
  EXPECT_EQ(told, Errc::not_found);
  EXPECT_EQ(code_of(promise.set(std::vector<double>{1})), Errc::closed);
  EXPECT_EQ(code_of(store_.promise<int>()), Errc::closed);
}

TEST_F(PromiseOfOneProcess, BreaksWhenItsSessionCloses) {
  auto promise = this->promise();
  const auto other = std::make_shared<Session>(one_.connector, one_.metrics, one_.session->options());
  const auto waiting = other->proxy<double[]>(promise.proxy().handle());
  Errc told{};
  std::thread waiter([&] { told = code_of(waiting.get(20s)); });
  one_.session->close();
  waiter.join();
  EXPECT_EQ(told, Errc::broken_promise);
  EXPECT_EQ(code_of(promise.set(std::vector<double>{1})), Errc::closed);
  EXPECT_EQ(code_of(promise.proxy().get()), Errc::closed);
}

TEST_F(PromiseOfOneProcess, MayBeTriedAgainWhereMemoryWasShort) {
  const SessionFixture small(LocalOptions{.memory_bytes = 4096});
  Store store = small.store();
  auto promise = store.promise<double[]>().value();
  EXPECT_EQ(code_of(promise.set(std::vector<double>(1000))), Errc::out_of_memory);
  EXPECT_EQ(code_of(promise.proxy().try_get()), Errc::timeout);
  EXPECT_TRUE(promise.set(std::vector<double>{5}));
  EXPECT_EQ(promise.proxy().get().value()[0], 5.0);
}

// It has its memory already.
TEST_F(PromiseOfOneProcess, BreaksWithoutMemory) {
  const SessionFixture small(LocalOptions{.memory_bytes = 4096});
  Store store = small.store();
  std::optional<Promise<double[]>> promise = store.promise<double[]>().value();
  const auto waiting = promise->proxy();
  while (store.put(std::vector<char>(16))) {
  }
  promise.reset();
  EXPECT_EQ(code_of(waiting.get(20s)), Errc::broken_promise);
}

// No thread waits for it.
TEST_F(PromiseOfOneProcess, IsAFutureBeforeItIsSet) {
  auto promise = this->promise();
  const auto stand_in = received(promise.proxy().handle());
  const auto future = stand_in.get_async();
  const auto sum = future.then([](const Result<View<double[]>>& view) { return (*view)[0] + (*view)[1]; });
  const auto cancelled = stand_in.get_async();
  const auto in_vain = stand_in.get_async(1ms);
  EXPECT_FALSE(future.ready());
  EXPECT_EQ(code_of(in_vain.get(20s)), Errc::timeout);
  cancelled.cancel();
  ASSERT_TRUE(promise.set(std::vector<double>{1, 2}));
  EXPECT_EQ(*sum.get(20s), 3.0);
  EXPECT_EQ((*future.get())[1], 2.0);
  EXPECT_EQ(code_of(cancelled.get()), Errc::cancelled);
  EXPECT_TRUE(stand_in.get_async().ready()) << "set before";
}

// It is not used before it has arrived.
TEST_F(PromiseOfOneProcess, IsFetchedAheadOnceItIsSet) {
  auto promise = this->promise();
  std::optional<Promise<double[]>> broken = this->promise();
  const auto ahead = received(promise.proxy().handle());
  const auto of_broken = received(broken->proxy().handle());
  ahead.prefetch();
  of_broken.prefetch();
  EXPECT_FALSE(ahead.ready());
  ASSERT_TRUE(promise.set(std::vector<double>{1, 2}));
  broken.reset();
  for (const auto* each : {&ahead, &of_broken}) {
    const auto latest = std::chrono::steady_clock::now() + 20s;
    while (!each->ready() && std::chrono::steady_clock::now() < latest) {
      std::this_thread::yield();
    }
    EXPECT_TRUE(each->ready());
  }
  EXPECT_EQ((*ahead)[1], 2.0);
  EXPECT_EQ(code_of(of_broken.get()), Errc::broken_promise);
}

AsyncResult<double> first_of(Proxy<double[]> stand_in) {
  const auto view = co_await stand_in;
  if (!view) {
    co_return view.error();
  }
  co_return (*view)[0];
}

TEST_F(PromiseOfOneProcess, IsAwaitedByCoroutines) {
  auto promise = this->promise();
  std::optional<Promise<double[]>> broken = this->promise();
  const auto first = first_of(promise.proxy());
  const auto none = first_of(broken->proxy());
  EXPECT_FALSE(first.ready());
  ASSERT_TRUE(promise.set(std::vector<double>{7}));
  broken.reset();
  EXPECT_EQ(*first.get(20s), 7.0);
  EXPECT_EQ(code_of(none.get(20s)), Errc::broken_promise);
}

TEST_F(PromiseOfOneProcess, IsAFutureForAnyNumber) {
  std::vector<Promise<double[]>> promises;
  std::vector<Future<double[]>> futures;
  for (int i = 0; i < 200; ++i) {
    promises.push_back(promise());
    for (int copy = 0; copy < 5; ++copy) {
      futures.push_back(received(promises.back().proxy().handle()).get_async());
    }
  }
  std::thread setter([&] {
    for (std::size_t i = 0; i < promises.size(); ++i) {
      EXPECT_TRUE(promises[i].set(std::vector<double>{double(i)}));
    }
  });
  double sum = 0.0;
  while (auto future = when_any(futures, 20s)) {
    const auto view = future->get();
    sum += view ? (*view)[0] : -1e9;
  }
  setter.join();
  EXPECT_EQ(sum, 5.0 * 199 * 100);
}

TEST_F(PromiseOfOneProcess, AsAFutureEndsWithItsSession) {
  auto promise = this->promise();
  const auto other = std::make_shared<Session>(one_.connector, one_.metrics, one_.session->options());
  const auto of_other = other->proxy<double[]>(promise.proxy().handle()).get_async();
  other->close();
  EXPECT_EQ(code_of(of_other.get(20s)), Errc::closed);
  const auto of_dropped = promise.proxy().get_async();
  ASSERT_TRUE(one_.session->drop("fields"));
  EXPECT_EQ(code_of(of_dropped.get(20s)), Errc::not_found);
}

TEST_F(PromiseOfOneProcess, SaysWhatTypeItIs) {
  auto promise = this->promise();
  ASSERT_TRUE(promise.set(std::vector<double>{1}));
  EXPECT_EQ(code_of(one_.session->proxy<int>(promise.proxy().handle()).get()), Errc::type_mismatch);
}

TEST_F(PromiseOfOneProcess, RefusesHandlesThatNobodyMakes) {
  auto promise = this->promise();
  Handle handle = promise.proxy().handle();
  const Key real = store_.put(std::vector<double>{1}).value();
  handle.key = real;
  handle.stamp();
  EXPECT_EQ(code_of(received(handle).get()), Errc::invalid_argument) << "not the key of a promise";
  handle = promise.proxy().handle();
  handle.flags |= 0x80U;
  handle.stamp();
  EXPECT_EQ(code_of(received(handle).get()), Errc::invalid_argument);
  for (const Key& wrong : {promised_by(real), promised_by({store_.number(), 77, 5}), promised_by({9, 0, 1}),
                           Key{store_.number(), 0, promised_bit}}) {
    handle = promise.proxy().handle();
    handle.key = wrong;
    handle.stamp();
    EXPECT_EQ(code_of(received(handle).get(20s)), Errc::not_found) << wrong;
  }
}

}  // namespace
}  // namespace locum
