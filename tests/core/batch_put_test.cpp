// Batched puts with names: which names are bound, the number of messages, and what is left if a name is
// taken, or a home dies or has no memory.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <iterator>
#include <map>
#include <memory>
#include <ranges>
#include <string>
#include <utility>
#include <vector>

#include "core/containers.hpp"
#include "core/object/internal_stores.hpp"
#include "core/ports/wanting.hpp"
#include "core/rpc/batch_wire.hpp"
#include "tests/core/batch_nodes.hpp"
#include "tests/core/connector_samples.hpp"
#include "tests/core/full_arena.hpp"
#include "tests/core/rank_stores.hpp"
#include "tests/core/stuck_directory.hpp"

namespace locum::tests::batch_put_test {
namespace {

using namespace std::chrono_literals;
using tests::codes_of;
using Named = std::vector<std::pair<std::string, std::vector<double>>>;

constexpr std::size_t large = 10'000;

class BatchPut : public tests::BatchNodes {
 protected:
  /// A recognisable value for each name.
  [[nodiscard]] static Named values(const std::vector<std::string>& all, std::size_t count = 1) {
    Named made;
    for (std::size_t at = 0; at < all.size(); ++at) {
      made.emplace_back(all[at], std::vector<double>(count, static_cast<double>(at)));
    }
    return made;
  }
  [[nodiscard]] std::uint64_t messages_of_put(const Named& objects) {
    return world_.messages_of([&] {
      const auto keys = requester().put_batch(objects);
      ASSERT_EQ(keys.size(), objects.size());
      for (std::size_t at = 0; at < keys.size(); ++at) {
        ASSERT_TRUE(keys[at]) << keys[at].error();
      }
    });
  }
  void expect_all_found(const std::vector<std::string>& all) {
    for (int rank = 0; rank < world_.size(); ++rank) {
      expect_in_order(of(rank).get_batch<double[]>(all), all.size());
    }
  }
  void expect_nothing_left_of(const std::vector<std::string>& all) {
    for (const auto& gone : requester().evict_batch(all)) {
      EXPECT_TRUE(gone) << gone.error();
    }
    expect_nothing_left({});
  }
};

TEST_F(BatchPut, CostsOneQuestionForEachHomeAndEach256) {
  EXPECT_EQ(messages_of_put(values(names(0, 1000))), 0U);
  const auto elsewhere = names(1, 1000);
  EXPECT_EQ(messages_of_put(values(elsewhere)), 8U) << "four requests";
  expect_all_found(elsewhere);
  EXPECT_EQ(messages_of_put(values(names(2, 1, "one "))), 2U);
  EXPECT_EQ(messages_of_put(values(names(2, most_in_a_batch, "full "))), 2U);
  EXPECT_EQ(messages_of_put(values(names(2, most_in_a_batch + 1, "more "))), 4U);
  std::vector<std::string> mixed;
  for (int at = 0; at < 600; ++at) {
    mixed.push_back(world_.name_at(at % 3, requester().number(), "mixed " + std::to_string(at) + "."));
  }
  const auto began = world_.network().now();
  EXPECT_EQ(messages_of_put(values(mixed)), 4U) << "two other homes";
  EXPECT_LE(world_.network().now() - began, 5ms) << "concurrently";
  expect_all_found(mixed);
}

// A request has at most 256 KiB: 64 blocks of slightly less than 4 KiB do not fit, 60 do.
TEST_F(BatchPut, BoundsTheBytesOfAQuestion) {
  const auto small = names(1, 600, "small ");
  EXPECT_EQ(messages_of_put(values(small, 500)), 20U) << "ten requests of 60 to 63";
  const auto big = names(1, 200, "large ");
  EXPECT_EQ(messages_of_put(values(big, large)), 2U) << "large values stay here";
  expect_all_found(small);
  expect_in_order(of(4).get_batch<double[]>(big), big.size());
  const std::uint64_t before = world_.network().counters().sent.messages;
  (void)of(2).get<double[]>(small[7]);
  EXPECT_EQ(world_.network().counters().sent.messages, before) << "a small value went with its name";
  auto all = small;
  all.insert(all.end(), big.begin(), big.end());
  expect_nothing_left_of(all);
}

TEST_F(BatchPut, OfLongNames) {
  std::vector<std::string> all;
  for (int at = 0; at < 12; ++at) {
    all.push_back(world_.name_at(1, requester().number(), std::string(60'000, static_cast<char>('a' + at))));
  }
  EXPECT_EQ(messages_of_put(values(all)), 6U) << "three requests of four";
  expect_all_found(all);
  expect_nothing_left_of(all);
}

TEST_F(BatchPut, TakesAnyRangeAndAnyValue) {
  std::map<std::string, std::vector<std::string>> texts;
  std::vector<std::string> all = names(1, 20);
  for (std::size_t at = 0; at < all.size(); ++at) {
    texts[all[at]] = {std::to_string(at), "text"};
  }
  for (const auto& key : requester().put_batch(texts)) {
    EXPECT_TRUE(key) << key.error();
  }
  const auto found = of(4).get_batch<std::vector<std::string>>(all);
  for (std::size_t at = 0; at < all.size(); ++at) {
    ASSERT_TRUE(found[at]) << found[at].error();
    EXPECT_EQ((**found[at])[0], std::to_string(at));
  }
  const auto made = names(2, 20);
  const auto numbers = std::views::iota(std::size_t{0}, made.size()) |
                       std::views::transform([&](std::size_t at) { return std::pair(made[at], at); });
  EXPECT_EQ(std::ranges::count(codes_of(requester().put_batch(numbers)), Errc{}), 20);
  EXPECT_EQ(*of(4).get<std::size_t>(made[7]).value(), 7U);
  // Values alone.
  const std::vector<std::vector<double>> values{{1, 2}, {}, {3}};
  std::vector<Result<Key>> keys;
  EXPECT_EQ(world_.messages_of([&] { keys = requester().put_batch(values); }), 0U);
  ASSERT_EQ(keys.size(), 3U);
  EXPECT_EQ(of(4).get<double[]>(keys[0].value())->size(), 2U);
  EXPECT_EQ(of(4).get<double[]>(keys[1].value())->size(), 0U);
  EXPECT_TRUE(requester().put_batch(Named()).empty());
  EXPECT_TRUE(requester().put_batch(std::vector<double>()).empty());
}

TEST_F(BatchPut, LeavesNamesThatAreTaken) {
  const auto all = names(1, 10);
  const auto here = names(0, 10);
  ASSERT_TRUE(of(2).put(all[3], std::vector<double>{77.0}));
  ASSERT_TRUE(of(4).put(here[4], std::vector<double>{78.0}));
  Named objects = values(all);
  for (auto& object : values(here)) {
    objects.push_back(std::move(object));
  }
  objects.emplace_back("", std::vector<double>{1.0});
  objects.emplace_back(std::string(max_name_bytes + 1, 'n'), std::vector<double>{1.0});
  objects.emplace_back(all[5], std::vector<double>{79.0});   // twice
  objects.emplace_back(here[5], std::vector<double>{79.0});  // the same
  const auto keys = requester().put_batch(objects);
  for (std::size_t at = 0; at < 20; ++at) {
    EXPECT_EQ(code_of(keys[at]), at == 3 || at == 14 ? Errc::key_exists : Errc{}) << at;
  }
  EXPECT_EQ(keys[3].error().key(), all[3]) << "the error has the name";
  EXPECT_EQ(keys[14].error().key(), here[4]);
  EXPECT_EQ(code_of(keys[20]), Errc::invalid_argument);
  EXPECT_EQ(code_of(keys[21]), Errc::invalid_argument);
  EXPECT_EQ(code_of(keys[22]), Errc::key_exists) << "the first one was put";
  EXPECT_EQ(code_of(keys[23]), Errc::key_exists);
  EXPECT_EQ(*of(4).get<double[]>(all[3])->data(), 77.0) << "unchanged";
  EXPECT_EQ(*of(2).get<double[]>(here[4])->data(), 78.0);
  EXPECT_EQ(*of(4).get<double[]>(all[5])->data(), 5.0);
  EXPECT_EQ(*of(4).get<double[]>(here[5])->data(), 5.0);
  EXPECT_EQ(snapshot(*world_.rank(0).metrics).writes[static_cast<std::size_t>(Path::shm_copy)].operations,
            18U);
  auto rest = all;
  rest.insert(rest.end(), here.begin(), here.end());
  expect_nothing_left_of(rest);
}

// Of equal names in a batch, also in different requests, one is bound.
TEST_F(BatchPut, OfOneNameBindsOne) {
  const std::string name = names(1, 1).front();
  const auto keys = requester().put_batch(values(std::vector<std::string>(700, name)));
  EXPECT_EQ(std::ranges::count(codes_of(keys), Errc{}), 1);
  EXPECT_EQ(std::ranges::count(codes_of(keys), Errc::key_exists), 699);
  const auto found = of(4).get<double[]>(name).value();
  const auto bound = std::ranges::find_if(keys, [](const auto& key) { return key.has_value(); });
  EXPECT_EQ(found[0], static_cast<double>(bound - keys.begin()));
  EXPECT_EQ(found.key(), bound->value());
  expect_nothing_left_of({name});
}

TEST_F(BatchPut, AtAHomeThatDiesFailsAlone) {
  std::vector<std::string> all;
  for (int at = 0; at < 900; ++at) {
    all.push_back(world_.name_at(at % 3, requester().number(), "name " + std::to_string(at) + "."));
  }
  std::vector<Result<Key>> keys;
  begin([&] { keys = requester().put_batch(values(all)); }, 500us);
  mortal_.kill_node(1);
  ASSERT_TRUE(ends_within(12s)) << "within the failure bound";
  ASSERT_EQ(keys.size(), all.size());
  for (std::size_t at = 0; at < all.size(); ++at) {
    EXPECT_EQ(code_of(keys[at]), at % 3 == 1 ? Errc::peer_lost : Errc{}) << at;
  }
  EXPECT_TRUE(of(4).get<double[]>(all[2]));
}

// If a home did not reply, it is found out afterwards whether the name is bound.
TEST_F(BatchPut, AtARankThatDiesIsSettled) {
  for (const bool arrives : {false, true}) {
    const std::uint64_t before = world_.connector(0).usage().own_objects;
    const int home = arrives ? 2 : 1;
    const auto all = names(home, 300);
    if (arrives) {
      world_.network().set_latency(2 * home, 0, {500ms, 500ms});
    }
    std::vector<Result<Key>> keys;
    begin([&] { keys = requester().put_batch(values(all)); }, arrives ? 1200ms : 500us);
    mortal_.kill(2 * home);
    ASSERT_TRUE(ends_within(12s));
    const auto lost = std::ranges::count(codes_of(keys), Errc::peer_lost);
    const auto told = std::ranges::count(codes_of(keys), Errc{});
    EXPECT_EQ(lost + told, 300);
    EXPECT_TRUE(told == 0 || arrives);
    world_.network().run_for(20s);
    for (const std::string& name : all) {
      EXPECT_EQ(requester().exists(name).value(), arrives);
    }
    EXPECT_EQ(world_.connector(0).usage().own_objects - before, arrives ? 300U : 0U);
  }
}

TEST_F(BatchPut, AtASilentHomeEndsAtTheDeadline) {
  const auto silent = names(1, 300);
  const auto other = names(2, 300);
  auto all = silent;
  all.insert(all.end(), other.begin(), other.end());
  for (const int rank : {2, 3}) {
    world_.network().cut(0, rank, loopback::Cut::hold);
  }
  const auto began = world_.network().now();
  const auto keys = requester().put_batch(values(all), {.deadline = began + 50ms});
  EXPECT_LE(world_.network().now() - began, 200ms);
  for (std::size_t at = 0; at < all.size(); ++at) {
    EXPECT_EQ(code_of(keys[at]), at < 300 ? Errc::timeout : Errc{}) << at;
  }
  world_.network().heal();
  world_.network().run_for(20s);
  for (const std::string& name : silent) {
    EXPECT_EQ(requester().exists(name).value(), of(2).exists(name).value());
  }
  expect_nothing_left_of(all);
}

// The names' home is further away than the home of the store's own name, which the drop asks first.
TEST_F(BatchPut, WhileTheStoreIsDropped) {
  const int home = world_.home(registry, "fields") == 1 ? 2 : 1;
  for (const int rank : {2 * home, 2 * home + 1}) {
    world_.network().set_latency(0, rank, {100ms, 100ms});
  }
  const auto all = names(home, 600);
  std::vector<Result<Key>> keys;
  begin([&] { keys = requester().put_batch(values(all)); }, 500us);
  ASSERT_TRUE(stores_.session(0).drop("fields", requester().number()));
  ASSERT_TRUE(ends_within(12s));
  EXPECT_EQ(std::ranges::count(codes_of(keys), Errc::closed), 600);
  world_.network().run_for(1s);
  for (const std::string& name : all) {
    EXPECT_FALSE(of(4).exists(name).value());
  }
}

TEST_F(BatchPut, WhileTheRuntimeCloses) {
  const auto all = names(1, 600);
  std::vector<Result<Key>> keys;
  begin([&] { keys = requester().put_batch(values(all)); }, 500us);
  const auto began = world_.network().now();
  stores_.session(0).close();
  world_.network().start([&] { mortal_.close_now(0); });
  ASSERT_TRUE(ends_within(2s));
  EXPECT_LE(world_.network().now() - began, 1s);
  EXPECT_EQ(std::ranges::count(codes_of(keys), Errc::closed), 600);
  EXPECT_EQ(std::ranges::count(codes_of(requester().put_batch(values(all))), Errc::closed), 600);
}

/// Rank 0, alone on its node, is the home of the names, and has no memory for them as long as the test says
/// so.
class BatchPutAtAFullHome : public ::testing::Test {
 protected:
  BatchPutAtAFullHome() {
    for (int at = 0; at < 400; ++at) {
      objects_.emplace_back(world_.name_at(0, store_.number(), std::to_string(at) + "."), at);
    }
  }
  ~BatchPutAtAFullHome() override { session_->close(); }
  void begin() {
    full_ = tests::Full::for_now;
    world_.network().start([this] {
      keys_ = store_.put_batch(objects_);
      over_ = true;
    });
  }

  tests::Full full_ = tests::Full::no;
  bool over_ = false;
  tests::SimulatedNodes world_{
      {.nodes = {.nodes = 2, .wrap_arena = [this](int rank, std::shared_ptr<Arena> arena) {
                   return rank == 0
                              ? std::make_shared<tests::FullArena>(std::move(arena), [this] { return full_; })
                              : std::move(arena);
                 }}}};
  const std::shared_ptr<Session> session_ = std::make_shared<Session>(
      world_.rank(1).connector, world_.rank(1).metrics, SessionOptions{.rank = 1}, world_.completions(1));
  Store store_ = session_->open("fields").value();
  std::vector<std::pair<std::string, int>> objects_;
  std::vector<Result<Key>> keys_;
};

TEST_F(BatchPutAtAFullHome, IsMadeWhenThereIsRoom) {
  begin();
  world_.network().run_for(200ms);
  EXPECT_FALSE(over_);
  full_ = tests::Full::no;
  const std::uint64_t before = world_.network().counters().sent.messages;
  ASSERT_TRUE(world_.network().run_until([&] { return over_; }, world_.network().now() + 60ms));
  EXPECT_LE(world_.network().counters().sent.messages - before, 8U) << "repeated in one request";
  for (std::size_t at = 0; at < objects_.size(); ++at) {
    ASSERT_TRUE(keys_[at]) << keys_[at].error();
    EXPECT_EQ(*store_.get<int>(objects_[at].first).value(), static_cast<int>(at));
  }
}

TEST_F(BatchPutAtAFullHome, SaysThatThereIsNone) {
  begin();
  const auto began = world_.network().now();
  ASSERT_TRUE(world_.network().run_until([&] { return over_; }, began + 60s));
  EXPECT_GE(world_.network().now() - began, 4s);
  EXPECT_LE(world_.network().now() - began, 6s);
  for (std::size_t at = 0; at < objects_.size(); ++at) {
    ASSERT_EQ(code_of(keys_[at]), Errc::out_of_memory);
    EXPECT_EQ(keys_[at].error().key(), objects_[at].first);
  }
  full_ = tests::Full::no;
  EXPECT_EQ(world_.connector(1).usage().own_objects, 1U) << "the store";
}

// The home has replied that none of them is bound: no recovery is needed.
TEST_F(BatchPutAtAFullHome, IsBelievedThatThereIsNone) {
  full_ = tests::Full::for_good;
  EXPECT_EQ(world_.messages_of([&] { keys_ = store_.put_batch(objects_); }), 4U);
  full_ = tests::Full::no;
  for (const auto& key : keys_) {
    ASSERT_EQ(code_of(key), Errc::out_of_memory);
  }
  EXPECT_EQ(world_.connector(1).usage().own_objects, 1U) << "the store";
}

/// Rank 0, alone on its node, some of whose names are locked; and two other nodes.
class BatchWithStuckNames : public ::testing::Test {
 protected:
  BatchWithStuckNames() { stuck_.client = world_.rank(0).links->client().get(); }
  [[nodiscard]] std::vector<std::string> names(int home, int count, const std::string& stem) {
    std::vector<std::string> made;
    for (int at = 0; at < count; ++at) {
      made.push_back(world_.name_at(home, stores_[0].number(), stem + std::to_string(at) + "."));
    }
    return made;
  }
  void stick(const std::vector<std::string>& names) {
    for (const std::string& name : names) {
      stuck_.hashes.insert(name_hash(stores_[0].number(), name));
    }
  }
  [[nodiscard]] Deadline::Clock::time_point now() { return world_.network().now(); }

  tests::StuckNames stuck_;
  tests::SimulatedNodes world_{
      {.nodes = {.nodes = 3,
                 .wrap_directory = [this](int rank,
                                          const tests::NodeProcess& process) -> std::shared_ptr<Directory> {
                   return rank != 0 ? process.directory
                                    : std::make_shared<tests::StuckDirectory>(process.directory,
                                                                              process.table, stuck_);
                 }},
       .network = {.latency = {1ms, 1ms}}}};
  tests::RankStores stores_{world_, {0, 1}};
};

TEST_F(BatchWithStuckNames, PutsTheOthers) {
  const auto stuck = names(0, 2, "stuck ");
  auto all = stuck;
  for (const int home : {0, 1, 2}) {
    std::ranges::copy(names(home, 300, "name "), std::back_inserter(all));
  }
  stick(stuck);
  Named values;
  for (const std::string& name : all) {
    values.emplace_back(name, std::vector{1.0});
  }
  const auto began = now();
  const auto keys = stores_[0].put_batch(values, {.deadline = began + 50ms});
  EXPECT_LE(now() - began, 51ms);
  for (std::size_t at = 0; at < all.size(); ++at) {
    EXPECT_EQ(code_of(keys[at]), at < stuck.size() ? Errc::timeout : Errc{}) << at;
  }
}

// Their home is this node, and their objects are on another node, which is asked last.
TEST_F(BatchWithStuckNames, EvictsTheOthers) {
  const auto stuck = names(0, 4, "stuck ");
  auto all = stuck;
  std::ranges::copy(names(0, 100, "name "), std::back_inserter(all));
  for (const std::string& name : all) {
    ASSERT_TRUE(stores_[1].put(name, 1.0));
  }
  stick(stuck);
  const auto began = now();
  const auto gone = stores_[0].evict_batch(all, {.deadline = began + 3s});
  EXPECT_LE(now() - began, 3010ms);
  for (std::size_t at = 0; at < all.size(); ++at) {
    EXPECT_EQ(code_of(gone[at]), at < stuck.size() ? Errc::timeout : Errc{}) << at;
  }
  stuck_.hashes.clear();
  for (const std::string& name : stuck) {
    EXPECT_TRUE(stores_[0].evict(name).value());
  }
}

TEST_F(BatchWithStuckNames, IsLookedForWithinOneTimeout) {
  const auto all = names(0, 20, "stuck ");
  for (const std::string& name : all) {
    ASSERT_TRUE(stores_[0].put(name, 1.0));
  }
  stick(all);
  std::vector<Address> addresses;
  for (const std::string& name : all) {
    addresses.emplace_back(stores_[0].number(), name);
  }
  std::vector<Result<ObjectView>> found(all.size(), no_such_object());
  const auto began = now();
  world_.connector(0).find_batch(addresses, Wanting::all, found, {});
  EXPECT_LE(now() - began, 31s);
  EXPECT_EQ(std::ranges::count(codes_of(found), Errc::timeout), 20);
}

}  // namespace
}  // namespace locum::tests::batch_put_test
