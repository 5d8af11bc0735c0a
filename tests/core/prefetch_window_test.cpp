#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <vector>

#include "core/async/window.hpp"
#include "core/store.hpp"
#include "core/value/options.hpp"
#include "tests/core/prefetching_nodes.hpp"
#include "tests/core/sanitized.hpp"

// How much memory prefetched objects take at a time, and what happens to the rest.
namespace locum::tests::prefetch_window_test {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t in_window = 10;
/// Large by the window's measure.
constexpr std::size_t size_bytes = 70'000;
static_assert(size_bytes > Window::small_bytes);

class PrefetchWindow : public tests::PrefetchingNodes {
 protected:
  explicit PrefetchWindow(std::chrono::milliseconds timeout = 30s)
      : PrefetchingNodes(pairs(
            2, {.memory_bytes = 256_MiB, .window_bytes = in_window * size_bytes, .timeout = timeout})) {}

  [[nodiscard]] std::vector<Key> made_many(std::size_t many, std::size_t bytes = size_bytes) {
    std::vector<Key> keys;
    for (std::size_t seed = 0; seed < many; ++seed) {
      keys.push_back(made(seed, bytes));
    }
    return keys;
  }
  [[nodiscard]] std::vector<Begun> begin_all(const std::vector<Key>& keys, std::size_t bytes = size_bytes,
                                             CountsUntil until = CountsUntil::it_is_used) {
    std::vector<Begun> begun;
    for (const Key& key : keys) {
      begun.push_back(begin(key, bytes, until));
      EXPECT_NE(begun.back().coming, nullptr);
    }
    return begun;
  }
  [[nodiscard]] static std::size_t count_ended(const std::vector<Begun>& begun) {
    return static_cast<std::size_t>(
        std::ranges::count_if(begun, [](const Begun& one) { return one.coming->ended(); }));
  }
  [[nodiscard]] std::uint64_t pinned() { return world_.rank(2).node->levels().pinned; }
  /// Runs, and calls `look` at each event of the simulation.
  void run_for(std::chrono::nanoseconds time, const std::function<void()>& look) {
    constexpr auto moment = 500us;
    for (auto left = time; left > 0ns; left -= moment) {
      world_.network().run_for(moment);
      look();
    }
  }
};

TEST_F(PrefetchWindow, LetsAThousandComeAsTheFirstAreUsed) {
  constexpr std::size_t many = sanitized ? 200 : 1000;
  const auto keys = made_many(many);
  auto begun = begin_all(keys);
  std::uint64_t most = 0;
  const auto look = [&] {
    EXPECT_LE(window().bytes, in_window * size_bytes);
    most = std::max(most, pinned());
  };
  run_for(100ms, look);
  EXPECT_EQ(count_ended(begun), in_window) << "objects that have arrived and are unused count";
  EXPECT_EQ(pinned(), in_window);
  for (std::size_t at = 0; at < many; ++at) {
    ASSERT_TRUE(begun[at].coming->ended()) << at;
    const auto found = now(begun[at]);
    ASSERT_TRUE(found && holds(*found, pattern(at, size_bytes))) << at;
    begun[at] = {ObjectView()};
    run_for(3ms, look);
  }
  EXPECT_EQ(most, in_window) << "exactly the window";
  begun.clear();
  expect_nothing_left(keys);
}

TEST_F(PrefetchWindow, IsNotThatOfFutures) {
  const auto keys = made_many(2 * in_window);
  const auto begun = begin_all(keys, size_bytes, CountsUntil::it_is_got);
  world_.network().run_for(100ms);
  EXPECT_EQ(count_ended(begun), in_window);
  EXPECT_EQ(window(), Window::Levels{});
}

TEST_F(PrefetchWindow, CountsNothingThatHasNotCome) {
  const auto keys = made_many(3 * in_window);
  for (const Key& key : keys) {
    EXPECT_TRUE(world_.connector(0).evict(Address(key), {}).value());
  }
  const auto begun = begin_all(keys);
  world_.network().run_for(100ms);
  EXPECT_EQ(count_ended(begun), keys.size());
  for (const Begun& one : begun) {
    EXPECT_EQ(code_of(now(one)), Errc::not_found);
  }
  expect_nothing_left({});
}

TEST_F(PrefetchWindow, LetsASmallOnePassLargeOnesThatWait) {
  const auto keys = made_many(2 * in_window);
  const Key small = made(1, 100);
  auto begun = begin_all(keys);
  const auto quick = begin(small, 100);
  world_.network().run_for(100ms);
  EXPECT_FALSE(quick.coming->ended());
  EXPECT_TRUE(now(begun[0]));
  world_.network().run_for(100ms);
  EXPECT_TRUE(quick.coming->ended());
  EXPECT_EQ(count_ended(begun), in_window) << "one was used, and the small one has its place";
}

TEST_F(PrefetchWindow, LetsALargeOneComeAmongThousandsOfSmallOnes) {
  constexpr std::size_t many = 3000;
  const auto filling = begin_all(made_many(in_window));
  const Key large = made(7, in_window * size_bytes);
  const auto smalls = begin_all(made_many(many, 10'000), 10'000);
  const auto one = begin(large, in_window * size_bytes);
  world_.network().run_for(100ms);
  EXPECT_EQ(count_ended(smalls), 0U);
  for (const Begun& each : filling) {
    EXPECT_TRUE(now(each));
  }
  std::size_t used = 0;
  for (world_.network().run_for(100ms); used < many && !one.coming->ended(); ++used) {
    EXPECT_TRUE(now(smalls[used]));
    world_.network().run_for(10ms);
  }
  EXPECT_GT(used, 0U);
  EXPECT_LE(used, Window::most_passing + in_window);
}

TEST_F(PrefetchWindow, LetsOneThatIsWaitedForComeAtOnce) {
  const auto keys = made_many(5 * in_window);
  auto begun = begin_all(keys);
  world_.network().run_for(100ms);
  const std::size_t last = keys.size() - 1;
  EXPECT_EQ(code_of(now(begun[last])), Errc::timeout)
      << "a call that does not wait does not begin it earlier";
  world_.network().run_for(100ms);
  EXPECT_FALSE(begun[last].coming->ended());
  bool got = false;
  const auto asked = world_.network().now();
  world_.network().start([&] {
    const auto found = begun[last].coming->get(world_.network().now() + 10s);
    got = found && holds(*found, pattern(last, size_bytes));
    EXPECT_LE(world_.network().now() - asked, 5ms);
  });
  world_.network().run_for(100ms);
  EXPECT_TRUE(got);
  EXPECT_EQ(count_ended(begun), in_window + 1) << "and nothing else";
  begun.clear();
  expect_nothing_left(keys);
}

TEST_F(PrefetchWindow, AsksForNothingThatNobodyWantsAnyMore) {
  const auto keys = made_many(5 * in_window);
  auto begun = begin_all(keys);
  world_.network().run_for(100ms);
  EXPECT_EQ(window().queued, 4 * in_window);
  const std::uint64_t messages = world_.messages_of([&] {
    for (std::size_t at = in_window; at < keys.size(); ++at) {
      begun[at] = {ObjectView()};
    }
    EXPECT_EQ(window().queued, 0U) << "at once";
    EXPECT_TRUE(now(begun[0]));
  });
  EXPECT_EQ(messages, 0U);
  begun.back() = begin(keys.back());
  world_.network().run_for(100ms);
  EXPECT_TRUE(now(begun.back()));
  begun.clear();
  EXPECT_EQ(window(), Window::Levels{}) << "the unused objects";
  expect_nothing_left(keys);
}

TEST_F(PrefetchWindow, GivesBackWhatIsOnItsWayOnceThatHasCome) {
  const auto keys = made_many(in_window + 1);
  auto begun = begin_all(keys);
  for (std::size_t at = 0; at < in_window; ++at) {
    begun[at] = {ObjectView()};
  }
  EXPECT_EQ(window().under_way, in_window);
  world_.network().run_for(100ms);
  EXPECT_EQ(window(), (Window::Levels{.bytes = size_bytes, .under_way = 0, .queued = 0}));
  EXPECT_TRUE(now(begun.back()));
  begun.clear();
  expect_nothing_left(keys);
}

TEST_F(PrefetchWindow, EndsWithTheRuntimeForAllThatWait) {
  const auto keys = made_many(500);
  const auto begun = begin_all(keys);
  world_.network().run_for(100ms);
  const auto before = world_.network().now();
  world_.rank(2).links->close();
  EXPECT_EQ(world_.network().now(), before) << "without waiting";
  EXPECT_EQ(count_ended(begun), begun.size());
  std::size_t closed = 0;
  for (const Begun& one : begun) {
    closed += code_of(now(one)) == Errc::closed ? 1 : 0;
  }
  EXPECT_EQ(closed, begun.size() - in_window);
  EXPECT_EQ(window(), Window::Levels{});
  const auto late = begin(keys[0]);
  EXPECT_TRUE(!late.coming || code_of(now(late)) == Errc::closed);
}

TEST_F(PrefetchWindow, TellsEachThatWaitsThatTheOwnerDied) {
  const auto keys = made_many(300);
  auto begun = begin_all(keys);
  mortal_.kill_node(0);
  world_.network().run_for(30s);
  EXPECT_EQ(count_ended(begun), begun.size());
  for (const Begun& one : begun) {
    EXPECT_EQ(code_of(now(one)), Errc::peer_lost);
  }
  begun.clear();
  world_.network().run_for(10s);
  (void)world_.connector(2).usage();
  EXPECT_EQ(world_.rank(2).node->levels(), tests::PlainNode::Levels{});
  EXPECT_EQ(window(), Window::Levels{});
}

TEST_F(PrefetchWindow, BeginsNothingWhereVeryManyWait) {
  const auto keys = made_many(in_window + 1);
  const auto filling = begin_all(keys);
  std::vector<Begun> queued;
  for (std::size_t each = 1; each < Window::longest_queue; ++each) {
    queued.push_back(begin(keys.back()));
  }
  EXPECT_NE(queued.back().coming, nullptr);
  const auto one_more = begin(keys.back());
  EXPECT_TRUE(one_more.found && !*one_more.found);
  EXPECT_EQ(one_more.coming, nullptr);
  queued.clear();
  EXPECT_NE(begin(keys.back()).coming, nullptr);
}

class PatientPrefetchWindow : public PrefetchWindow {
 protected:
  PatientPrefetchWindow() : PrefetchWindow(1s) {}
};

TEST_F(PatientPrefetchWindow, CountsTheTimeOfOneFromWhenItIsLetIn) {
  const auto keys = made_many(in_window + 1);
  const auto begun = begin_all(keys);
  world_.network().run_for(60s);
  EXPECT_FALSE(begun.back().coming->ended());
  EXPECT_TRUE(now(begun[0]));
  world_.network().run_for(100ms);
  const auto found = now(begun.back());
  EXPECT_TRUE(found && holds(*found, pattern(in_window, size_bytes)));
}

class PrefetchWindowOfStandIns : public PrefetchWindow {
 protected:
  PrefetchWindowOfStandIns() {
    for (const int rank : {0, 2}) {
      auto& session = sessions_.emplace_back(
          std::make_shared<Session>(world_.rank(rank).connector, world_.rank(rank).metrics,
                                    SessionOptions{.incarnation = 42, .rank = rank}));
      stores_.push_back(session->open("fields").value());
    }
    for (std::size_t at = 0; at < 2 * in_window; ++at) {
      makers_.push_back(stores_[0].put_proxy(std::vector<double>(elements, static_cast<double>(at))).value());
      stand_ins_.push_back(sessions_[1]->proxy<double[]>(makers_.back().handle()));
      stand_ins_.back().prefetch();
    }
    world_.network().run_for(100ms);
  }
  ~PrefetchWindowOfStandIns() override {
    stand_ins_.clear();
    for (const auto& session : sessions_) {
      session->close();
    }
  }
  [[nodiscard]] std::size_t count_ready() const {
    return static_cast<std::size_t>(
        std::ranges::count_if(stand_ins_, [](const auto& one) { return one.ready(); }));
  }

  static constexpr std::size_t elements = size_bytes / sizeof(double);
  std::vector<std::shared_ptr<Session>> sessions_;
  std::vector<Store> stores_;
  std::vector<Proxy<double[]>> makers_;
  std::vector<Proxy<double[]>> stand_ins_;
};

TEST_F(PrefetchWindowOfStandIns, LetsTheNextComeOnceOneIsUsedReleasedOrGone) {
  EXPECT_EQ(count_ready(), in_window);
  EXPECT_EQ(stand_ins_[0].try_get().value()[elements - 1], 0.0);
  world_.network().run_for(100ms);
  EXPECT_TRUE(stand_ins_[in_window].ready());
  EXPECT_FALSE(stand_ins_[in_window + 1].ready());
  stand_ins_[1].release();
  world_.network().run_for(100ms);
  EXPECT_TRUE(stand_ins_[in_window + 1].ready());
  EXPECT_FALSE(stand_ins_[in_window + 2].ready());
  auto copy = stand_ins_[2];
  stand_ins_[2] = {};
  world_.network().run_for(100ms);
  EXPECT_FALSE(stand_ins_[in_window + 2].ready()) << "a copy of the stand-in is left";
  copy = {};
  world_.network().run_for(100ms);
  EXPECT_TRUE(stand_ins_[in_window + 2].ready());
  EXPECT_FALSE(stand_ins_[in_window + 3].ready());
  EXPECT_EQ(window().bytes, in_window * elements * sizeof(double));
}

TEST_F(PrefetchWindowOfStandIns, LeavesNoneToWaitThatIsUsed) {
  world_.network().start([&] { EXPECT_EQ(stand_ins_.back().get().value()[0], 2.0 * in_window - 1); });
  world_.network().run_for(100ms);
  EXPECT_TRUE(stand_ins_.back().ready());
  EXPECT_EQ(count_ready(), in_window + 1);
  EXPECT_EQ(window().queued, in_window - 1);
}

}  // namespace
}  // namespace locum::tests::prefetch_window_test
