#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "core/ports/now_or_task.hpp"
#include "core/store.hpp"
#include "core/value/options.hpp"
#include "tests/core/forwarding_arena.hpp"
#include "tests/core/forwarding_directory.hpp"
#include "tests/core/limited_arena.hpp"
#include "tests/core/prefetching_nodes.hpp"

// Objects of another node that are fetched before they are needed.
namespace locum::tests {
namespace {

using namespace std::chrono_literals;
using tests::SimulatedNodes;
using tests::SimulatedNodesOptions;

class Prefetch : public tests::PrefetchingNodes {
 protected:
  using PrefetchingNodes::PrefetchingNodes;
};

TEST_F(Prefetch, BringsAnObjectThatNobodyWaitsFor) {
  const Key key = made(1);
  std::uint64_t messages = world_.messages_of([&] {
    const auto begun = begin(key);
    ASSERT_TRUE(begun.found && !*begun.found);
    ASSERT_NE(begun.coming, nullptr);
    EXPECT_FALSE(begun.coming->ended());
    EXPECT_EQ(code_of(now(begun)), Errc::timeout);
    world_.network().run_for(100ms);
    EXPECT_TRUE(begun.coming->ended());
    const auto found = now(begun);
    ASSERT_TRUE(found) << found.error();
    EXPECT_TRUE(holds(*found, pattern(1, size_bytes)));
    EXPECT_EQ(found->path(), Path::rendezvous);
    EXPECT_EQ(now(begun)->bytes().data(), found->bytes().data());
  });
  EXPECT_EQ(messages, 2U) << "request and reply, as of a get";
  messages = world_.messages_of([&] {
    const auto again = begin(key);
    EXPECT_EQ(again.coming, nullptr);
    EXPECT_TRUE(again.found && holds(*again.found, pattern(1, size_bytes)));
  });
  EXPECT_EQ(messages, 0U) << "this node has a copy";
  expect_nothing_left({key});
}

TEST_F(Prefetch, OfManyTakesAsLongAsOfOne) {
  constexpr std::size_t many = 100;
  std::vector<Key> keys;
  std::vector<Begun> begun;
  for (std::size_t at = 0; at < many; ++at) {
    keys.push_back(made(at, at % 2 == 0 ? 100 : size_bytes));
  }
  const auto begin_at = world_.network().now();
  for (std::size_t at = 0; at < many; ++at) {
    begun.push_back(begin(keys[at], at % 2 == 0 ? 100 : size_bytes));
  }
  world_.network().run_for(5ms);
  EXPECT_LE(world_.network().now() - begin_at, 6ms);
  for (std::size_t at = 0; at < many; ++at) {
    ASSERT_TRUE(begun[at].coming && begun[at].coming->ended()) << at;
    const auto found = now(begun[at]);
    EXPECT_TRUE(found && holds(*found, pattern(at, at % 2 == 0 ? 100 : size_bytes))) << at;
  }
  begun.clear();
  expect_nothing_left(keys);
}

TEST_F(Prefetch, IsJoinedByWhoWaitsOnTheSameNode) {
  const Key key = made(1);
  std::vector<Result<ObjectView>> got;
  const std::uint64_t messages = world_.messages_of([&] {
    const auto begun = begin(key);
    for (const int rank : {2, 3}) {
      world_.network().start([&, rank] {
        got.push_back(world_.connector(rank).get(Address(key, 0, size_bytes), world_.network().now() + 20s));
      });
    }
    world_.network().run_for(100ms);
    EXPECT_TRUE(now(begun));
  });
  ASSERT_EQ(got.size(), 2U);
  EXPECT_TRUE(got[0] && got[1] && got[0]->bytes().data() == got[1]->bytes().data());
  EXPECT_LE(messages, 5U) << "one transfer, and request and reply of the other rank of the node";
  got.clear();
  expect_nothing_left({key});
}

TEST_F(Prefetch, GoesOnWhenNobodyWantsToKnow) {
  const Key key = made(1);
  (void)begin(key);
  world_.network().run_for(100ms);
  EXPECT_EQ(world_.connector(2).usage().own_copies, 1U);
  expect_nothing_left({key});
}

TEST_F(Prefetch, OfWhatIsNotThereSaysSo) {
  const Key key = made(1);
  EXPECT_TRUE(world_.connector(0).evict(Address(key), {}).value());
  const auto begun = begin(key);
  ASSERT_NE(begun.coming, nullptr);
  world_.network().run_for(100ms);
  EXPECT_EQ(code_of(now(begun)), Errc::not_found);
  EXPECT_EQ(code_of(now(begun)), Errc::not_found) << "each time";
  expect_nothing_left({});
}

TEST_F(Prefetch, SaysThatTheOwnerDied) {
  const Key key = made(1);
  const auto begun = begin(key);
  mortal_.kill(0);
  mortal_.kill(1);
  world_.network().run_for(20s);
  ASSERT_TRUE(begun.coming->ended());
  EXPECT_EQ(code_of(now(begun)), Errc::peer_lost);
}

TEST_F(Prefetch, EndsWhenTheRuntimeIsClosed) {
  const Key key = made(1);
  const auto begun = begin(key);
  world_.rank(2).links->close();
  ASSERT_TRUE(begun.coming->ended());
  EXPECT_EQ(code_of(now(begun)), Errc::closed);
}

/// The driver has no memory for the object.
class PrefetchLateRoom : public Prefetch {
 protected:
  PrefetchLateRoom()
      : Prefetch({.nodes = {.nodes = 2,
                            .ranks_per_node = 2,
                            .memory_bytes = 1_MiB,
                            .wrap_arena = [](int /*rank*/,
                                             std::shared_ptr<Arena> arena) -> std::shared_ptr<Arena> {
                              return std::make_shared<tests::LimitedArena>(std::move(arena), 10'000, [] {});
                            }},
                  .network = {.latency = {1ms, 1ms}}}) {}
};

TEST_F(PrefetchLateRoom, HasRoomMadeByTheStandby) {
  const Key key = made(1);
  const auto begun = begin(key);
  world_.network().run_for(100ms);
  ASSERT_TRUE(begun.coming->ended());
  const auto found = now(begun);
  EXPECT_TRUE(found && holds(*found, pattern(1, size_bytes)));
  EXPECT_EQ(world_.connector(2).usage().own_copies, 1U);
}

/// An arena in which other processes must return memory before there is enough: a caller that must not wait
/// fails at once, others wait that long.
class LaterArena final : public tests::ForwardingArena {
 public:
  using ForwardingArena::ForwardingArena;

  Result<Block> allocate(std::uint64_t bytes, std::uint64_t alignment, WaitBudget budget) override {
    if (bytes <= 10'000 || gives) {
      return ForwardingArena::allocate(bytes, alignment, budget);
    }
    if (budget.allows_work()) {
      ++asked;
    }
    if (budget.is_limited()) {
      const Error error(Errc::out_of_memory, "later");
      return promises ? error.as_transient() : error;
    }
    wait();
    return ForwardingArena::allocate(bytes, alignment, budget);
  }
  std::byte* data(std::uint64_t offset) const noexcept override {
    looked_in_step = progress != nullptr && progress->is_driven();
    return ForwardingArena::data(offset);
  }

  bool gives = false;
  bool promises = true;
  int asked = 0;  ///< unsuccessful calls that were allowed to work
  std::function<void()> wait;
  Progress* progress = nullptr;
  mutable bool looked_in_step = false;  ///< the last time that a block was read
};

/// Records whether the last look-up of a name was allowed to wait long for its lock.
class NotingDirectory final : public tests::ForwardingDirectory {
 public:
  using ForwardingDirectory::ForwardingDirectory;

  Result<Pin> find(std::uint32_t of_store, std::string_view name, WaitBudget budget) override {
    was_limited = budget.is_limited();
    return ForwardingDirectory::find(of_store, name, budget);
  }

  bool was_limited = false;
};

struct WithLaterArena {
  std::shared_ptr<LaterArena> arena_;
  std::shared_ptr<NotingDirectory> directory_;
};

class PrefetchWithoutRoom : protected WithLaterArena, public Prefetch {
 protected:
  explicit PrefetchWithoutRoom(bool one_sided = false) : Prefetch(options(one_sided)) {
    arena_->wait = [this] { world_.rank(2).links->client()->pause(2s); };
    arena_->progress = &world_.rank(2).links->progress();
  }
  SimulatedNodesOptions options(bool one_sided) {
    const auto wrap = [this](int rank, std::shared_ptr<Arena> arena) -> std::shared_ptr<Arena> {
      if (rank != 2) {
        return arena;
      }
      return arena_ = std::make_shared<LaterArena>(std::move(arena));
    };
    const auto note = [this](int rank, const tests::NodeProcess& process) -> std::shared_ptr<Directory> {
      if (rank != 2) {
        return process.directory;
      }
      return directory_ = std::make_shared<NotingDirectory>(process.directory);
    };
    return {.nodes = {.nodes = 2, .ranks_per_node = 2, .wrap_arena = wrap, .wrap_directory = note},
            .network = {.latency = {1ms, 1ms}, .one_sided = one_sided}};
  }
  void begin_many(std::size_t many) {
    for (std::size_t at = 0; at < many; ++at) {
      keys_.push_back(made(at));
      begun_.push_back(begin(keys_.back()));
      ASSERT_NE(begun_.back().coming, nullptr);
    }
  }
  [[nodiscard]] std::size_t ended() const {
    return static_cast<std::size_t>(
        std::ranges::count_if(begun_, [](const Begun& each) { return each.coming->ended(); }));
  }
  void expect_all_there() {
    for (std::size_t at = 0; at < begun_.size(); ++at) {
      ASSERT_TRUE(begun_[at].coming->ended()) << at;
      const auto found = now(begun_[at]);
      EXPECT_TRUE(found && holds(*found, pattern(at, size_bytes))) << at;
    }
  }

  std::vector<Key> keys_;
  std::vector<Begun> begun_;
};

TEST_F(PrefetchWithoutRoom, TriesAgainAndKeepsNobodyWaiting) {
  constexpr std::size_t many = 20;
  begin_many(many);
  world_.network().run_for(100ms);
  EXPECT_EQ(ended(), 0U);
  EXPECT_GE(arena_->asked, 4 * static_cast<int>(many)) << "each was tried more than once";
  EXPECT_LE(arena_->asked, 10 * static_cast<int>(many)) << "at growing intervals";
  const auto before = world_.network().now();
  const auto small = put(world_.connector(0), store, {}, pattern(1, 100)).value().key;
  EXPECT_TRUE(world_.connector(2).get(Address(small), {})) << "other requests do not wait";
  EXPECT_LE(world_.network().now() - before, 10ms);
  arena_->gives = true;
  world_.network().run_for(200ms);
  expect_all_there();
  EXPECT_EQ(world_.connector(2).usage().own_copies, many);
  begun_.clear();
  keys_.push_back(small);
  expect_nothing_left(keys_);
}

TEST_F(PrefetchWithoutRoom, ThatCannotBeHadMeansMemoryOfOnesOwn) {
  begin_many(3);
  world_.network().run_for(100ms);
  arena_->promises = false;
  world_.network().run_for(200ms);
  expect_all_there();
  EXPECT_EQ(world_.connector(2).usage().own_copies, 0U);
  begun_.clear();
  expect_nothing_left(keys_);
}

TEST_F(PrefetchWithoutRoom, IsTriedUntilTheDeadline) {
  begin_many(3);
  world_.network().run_for(29s);
  EXPECT_EQ(ended(), 0U);
  world_.network().run_for(2s);
  EXPECT_EQ(ended(), 3U);
  EXPECT_EQ(code_of(now(begun_[0])), Errc::timeout);
  begun_.clear();
  expect_nothing_left(keys_);
}

TEST_F(PrefetchWithoutRoom, EndsAtOnceWhenTheRuntimeIsClosed) {
  begin_many(20);
  world_.network().run_for(100ms);
  const auto before = world_.network().now();
  world_.rank(2).links->close();
  EXPECT_LE(world_.network().now() - before, 10ms);
  EXPECT_EQ(ended(), 20U);
  EXPECT_EQ(code_of(now(begun_[19])), Errc::closed);
  EXPECT_EQ(world_.rank(3).node->levels().names, 0U) << "no record makes others wait";
}

// A thread that needs the object waits for memory itself, and so gets it sooner.
TEST_F(PrefetchWithoutRoom, IsMadeByWhoWaitsForIt) {
  begin_many(2);
  world_.network().run_for(100ms);
  const auto before = world_.network().now();
  const auto found = begun_[0].coming->get(before + 20s);
  EXPECT_TRUE(found && holds(*found, pattern(0, size_bytes)));
  EXPECT_LE(world_.network().now() - before, 2200ms);
  EXPECT_EQ(world_.connector(2).usage().own_copies, 1U);
}

// No memory is requested for an object that is not wanted any more; a call that has joined its flight begins
// anew.
TEST_F(PrefetchWithoutRoom, EndsWhenNobodyWantsItAnyMore) {
  begin_many(1);
  world_.network().run_for(8ms);
  std::optional<Result<ObjectView>> got;
  world_.network().start(
      [&] { got = world_.connector(3).get(Address(keys_[0], 0, size_bytes), world_.network().now() + 20s); });
  world_.network().run_for(1ms);
  EXPECT_FALSE(got);
  begun_.clear();
  world_.network().run_for(50ms);
  EXPECT_TRUE(got && *got && holds(**got, pattern(0, size_bytes)));
  const int asked = arena_->asked;
  world_.network().run_for(10s);
  EXPECT_EQ(arena_->asked, asked);
  EXPECT_EQ(world_.connector(2).usage().own_copies, 0U);
  EXPECT_EQ(world_.connector(3).usage().own_copies, 1U);
  got.reset();
  expect_nothing_left(keys_);
}

TEST_F(PrefetchWithoutRoom, IsBegunOnALimitedBudget) {
  const std::string own = world_.name_at(1, store, "own");
  ASSERT_TRUE(put(world_.connector(2), store, own, pattern(1, 100)));
  directory_->was_limited = false;
  const auto begun = tests::begin(world_.connector(2), Address(store, own), CountsUntil::it_is_used);
  EXPECT_TRUE(begun.found && holds(*begun.found, pattern(1, 100)));
  EXPECT_TRUE(directory_->was_limited) << "beginning it does not wait for a lock";
  EXPECT_TRUE(world_.connector(2).get(Address(store, own), {}));
  EXPECT_FALSE(directory_->was_limited);
}

// The check may take as long as the object's checksum does. The call that began the flight gets an object
// that was checked on landing; one that joined checks it itself.
TEST_F(PrefetchWithoutRoom, IsLookedAtByWhoMayWork) {
  arena_->gives = true;
  begin_many(1);
  const auto joined = begin(keys_[0]);
  world_.network().run_for(100ms);
  expect_all_there();
  ASSERT_TRUE(joined.coming && joined.coming->ended());
  EXPECT_FALSE(arena_->looked_in_step) << "but by the worker";
}

/// The same for one-sided reads.
class PrefetchWithoutRoomOneSided : public PrefetchWithoutRoom {
 protected:
  PrefetchWithoutRoomOneSided() : PrefetchWithoutRoom(true) {}
};

TEST_F(PrefetchWithoutRoomOneSided, TriesAgain) {
  begin_many(3);
  world_.network().run_for(100ms);
  EXPECT_EQ(ended(), 0U);
  arena_->gives = true;
  world_.network().run_for(200ms);
  expect_all_there();
  EXPECT_EQ(now(begun_[0])->path(), Path::rma);
  begun_.clear();
  expect_nothing_left(keys_);
}

// It joins a flight whose deadline is later than its own.
TEST_F(Prefetch, IsNotWaitedForLongerThanWhoJoinsItHasTime) {
  world_.network().set_latency(0, 2, {500ms, 500ms});
  const Key key = made(1);
  const auto begun = begin(key);
  for (const auto patience : {20ms, 200ms}) {
    const auto before = world_.network().now();
    const auto got = world_.connector(2).get(Address(key, 0, size_bytes), before + patience);
    EXPECT_EQ(code_of(got), Errc::timeout);
    EXPECT_GE(world_.network().now() - before, patience);
    EXPECT_LE(world_.network().now() - before, patience + 2ms);
  }
  world_.network().run_for(2s);
  EXPECT_TRUE(now(begun));
}

// The call that began it does not wait longer either, and others are not affected.
TEST_F(Prefetch, OutlivesTheDeadlineOfWhoBeganItsFlight) {
  world_.network().set_latency(0, 2, {200ms, 200ms});
  const Key key = made(1);
  const auto before = world_.network().now();
  EXPECT_EQ(code_of(world_.connector(2).get(Address(key, 0, size_bytes), before + 20ms)), Errc::timeout);
  EXPECT_LE(world_.network().now() - before, 22ms);
  const auto begun = begin(key);
  world_.network().run_for(500ms);
  EXPECT_TRUE(now(begun));
  EXPECT_EQ(world_.messages_of([&] { (void)begin(key); }), 0U) << "this node has a copy";
}

class PrefetchOfStandIns : public Prefetch {
 protected:
  explicit PrefetchOfStandIns(const SimulatedNodesOptions& options = {.nodes =
                                                                          {
                                                                              .nodes = 2,
                                                                              .ranks_per_node = 2,
                                                                          },
                                                                      .network = {.latency = {1ms, 1ms}}})
      : Prefetch(options) {
    for (const int rank : {0, 2}) {
      auto& session = sessions_.emplace_back(
          std::make_shared<Session>(world_.rank(rank).connector, world_.rank(rank).metrics,
                                    SessionOptions{.incarnation = 42, .rank = rank}));
      stores_.push_back(session->open("fields").value());
    }
  }
  ~PrefetchOfStandIns() override {
    for (const auto& session : sessions_) {
      session->close();
    }
  }

  std::vector<std::shared_ptr<Session>> sessions_;
  std::vector<Store> stores_;
};

TEST_F(PrefetchOfStandIns, IsThereOnFirstUse) {
  const std::vector<double> field(10'000, 1.5);
  const auto maker = stores_[0].put_proxy(field).value();
  const auto stand_in = sessions_[1]->proxy<double[]>(maker.handle());
  const auto copy = stand_in;
  stand_in.prefetch();
  EXPECT_FALSE(stand_in.ready());
  world_.network().run_for(100ms);
  EXPECT_TRUE(stand_in.ready());
  EXPECT_TRUE(copy.ready()) << "copies share it";
  const std::uint64_t messages = world_.messages_of([&] {
    const auto view = copy.try_get();
    ASSERT_TRUE(view) << view.error();
    EXPECT_TRUE(std::ranges::equal(*view, field));
  });
  EXPECT_EQ(messages, 0U);
}

TEST_F(PrefetchOfStandIns, IsBegunByATryAndWaitedForByAGet) {
  const auto maker = stores_[0].put_proxy(std::vector<double>(10'000, 2.5)).value();
  const auto stand_in = sessions_[1]->proxy<double[]>(maker.handle());
  const auto first = stand_in.try_get();
  ASSERT_FALSE(first);
  EXPECT_EQ(first.error().code(), Errc::timeout);
  world_.network().start([&] { EXPECT_EQ(stand_in.get().value()[9'999], 2.5); });
  world_.network().run_for(100ms);
  EXPECT_TRUE(stand_in.ready());
}

TEST_F(PrefetchOfStandIns, SaysOnceWhatWentWrongAndAsksAnew) {
  const auto maker = stores_[0].put_proxy(std::vector<double>(10'000, 2.5)).value();
  const auto stand_in = sessions_[1]->proxy<double[]>(maker.handle());
  EXPECT_TRUE(stores_[0].evict(maker.key()).value());
  stand_in.prefetch();
  world_.network().run_for(100ms);
  EXPECT_TRUE(stand_in.ready());
  EXPECT_EQ(stand_in.try_get().error().code(), Errc::not_found);
  EXPECT_FALSE(stand_in.ready());
}

TEST_F(PrefetchOfStandIns, IsForgottenWithARelease) {
  const auto maker = stores_[0].put_proxy(std::vector<double>(10'000, 2.5)).value();
  const auto stand_in = sessions_[1]->proxy<double[]>(maker.handle());
  stand_in.prefetch();
  stand_in.release();
  EXPECT_FALSE(stand_in.ready());
  world_.network().run_for(100ms);
  EXPECT_FALSE(stand_in.ready());
  EXPECT_EQ(world_.connector(2).usage().own_copies, 1U) << "it arrived nevertheless, for the node";
}

/// Stand-ins of a runtime whose timeout is shorter than the detection of a silent rank.
class PrefetchOfStandInsWithoutPatience : public PrefetchOfStandIns {
 protected:
  PrefetchOfStandInsWithoutPatience()
      : PrefetchOfStandIns({.nodes = {.nodes = 2, .ranks_per_node = 2, .timeout = 1000ms},
                            .network = {.latency = {1ms, 1ms}}}) {}
};

TEST_F(PrefetchOfStandInsWithoutPatience, AreAskedForAgainByTheFirstUseWhereTheyCameTooLate) {
  const auto maker = stores_[0].put_proxy(std::vector<double>(10'000, 2.5)).value();
  const auto stand_in = sessions_[1]->proxy<double[]>(maker.handle());
  world_.network().set_latency(0, 2, {1500ms, 1500ms});
  stand_in.prefetch();
  world_.network().run_for(2s);
  EXPECT_TRUE(stand_in.ready());
  world_.network().set_latency(0, 2, {1ms, 1ms});
  const auto view = stand_in.get();
  ASSERT_TRUE(view) << view.error();
  EXPECT_EQ((*view)[9'999], 2.5);
}

}  // namespace
}  // namespace locum::tests
