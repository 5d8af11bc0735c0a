// Changes on other nodes that are refused, answered with nonsense or not at all, or overtaken: what is left
// of them then.
#include "core/client/remote_writer.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstring>
#include <functional>
#include <string>

#include "core/rpc/message.hpp"
#include "tests/core/bent_transport.hpp"
#include "tests/core/connector_samples.hpp"
#include "tests/core/mortal_nodes.hpp"

namespace locum::tests::remote_writer_test {
namespace {

using namespace std::chrono_literals;
using loopback::Fate;
using loopback::Verdict;

constexpr std::uint32_t store = 7;
constexpr std::size_t size_bytes = 9000;  // more than the home of a name keeps
constexpr std::size_t small_bytes = 100;

/// Three nodes of one rank: who makes the objects, the home of the names, and another one.
class RemoteWriterTest : public ::testing::Test {
 protected:
  static constexpr int maker = 0;
  static constexpr int home = 1;
  static constexpr int other = 2;

  [[nodiscard]] std::string name_of(const std::string& stem) { return world_.name_at(home, store, stem); }
  Result<Sealed> put(int rank, const std::string& name, std::uint64_t seed, const SealOptions& options = {}) {
    return tests::put(world_.connector(rank), store, name, pattern(seed, size_bytes), options);
  }
  [[nodiscard]] Result<ObjectView> get(const std::string& name) {
    return world_.connector(other).get({store, name}, {});
  }
  /// The home's replies of that many bytes say something else.
  void bend_replies(std::size_t bytes, std::function<void(Message&)> how) {
    liars_[home].bend = [bytes, how = std::move(how)](Message& message) {
      if (message.envelope().kind == Kind::reply && message.body().size() == bytes) {
        how(message);
      }
    };
  }
  /// Between the first message of that kind and its arrival something else happens.
  void before(Kind kind, std::function<void()> act) {
    world_.network().on_message(
        [this, kind, act, is_done = false](int, int, std::span<const std::byte> header) mutable {
          Envelope envelope;
          std::memcpy(&envelope, header.data(), sizeof envelope);
          if (is_done || envelope.kind != kind) {
            return Verdict{};
          }
          is_done = true;
          world_.network().start(act);
          return Verdict{Fate::delay, 500ms};
        });
  }
  [[nodiscard]] PlainNode::Levels levels(int rank) {
    (void)world_.connector(rank).usage();  // frees what can be freed
    return world_.rank(rank).node->levels();
  }

  Liars liars_{home};
  MortalNodes nodes_{{.nodes = {.nodes = 3},
                      .network = {.latency = {1ms, 1ms}, .detection = {50ms, 50ms}},
                      .wrap = liars_.wrap()}};
  SimulatedNodes& world_ = nodes_.world();
};

TEST_F(RemoteWriterTest, LeavesNothingOfWhatTheHomeRefuses) {
  const std::string name = name_of("taken ");
  const std::uint64_t generation = put(other, name, 1)->generation;
  EXPECT_EQ(code_of(put(maker, name, 2)), Errc::key_exists);
  EXPECT_EQ(code_of(put(maker, name, 2, {SealMode::replace, generation + 1})), Errc::stale);
  EXPECT_EQ(code_of(put(maker, name_of("unbound "), 2, {SealMode::replace, generation})), Errc::not_found);
  EXPECT_EQ(levels(maker), PlainNode::Levels{});
  EXPECT_TRUE(holds(get(name).value(), pattern(1, size_bytes)));
}

// What the home may have received stays, since another rank may still reach the home; what was never sent
// does not.
TEST_F(RemoteWriterTest, KeepsOnlyWhatALostHomeMayHaveBound) {
  nodes_.kill_node(home);
  EXPECT_EQ(code_of(put(maker, name_of("sent "), 1)), Errc::peer_lost);
  EXPECT_EQ(code_of(put(maker, name_of("known "), 2)), Errc::peer_lost);
  world_.rank(maker).links->client()->pause(10s);
  EXPECT_EQ(levels(maker).objects, 1U);
  EXPECT_EQ(code_of(world_.connector(maker).drop(store)), Errc::peer_lost);
  EXPECT_EQ(levels(maker), PlainNode::Levels{});
}

// The home may have bound the name: whoever gets it then finds nothing, and the name is free again.
TEST_F(RemoteWriterTest, LeavesNoNameOfWhatTheHomeAnsweredWithNonsense) {
  const std::string name = name_of("spoiled ");
  bend_replies(sizeof(std::uint64_t), [](Message& message) { message.set_body({}); });
  EXPECT_EQ(code_of(put(maker, name, 1)), Errc::corrupt);
  liars_[home].bend = nullptr;
  EXPECT_EQ(levels(maker), PlainNode::Levels{});
  EXPECT_EQ(code_of(get(name)), Errc::not_found);
  EXPECT_TRUE(put(maker, name, 2));
  EXPECT_TRUE(holds(get(name).value(), pattern(2, size_bytes)));
}

TEST_F(RemoteWriterTest, TakesNonsenseForNoEviction) {
  const Key key = put(home, {}, 1)->key;
  bend_replies(sizeof(std::uint8_t), [](Message& message) { message.set_body({}); });
  const auto evicted = world_.connector(maker).evict(key, {});
  ASSERT_EQ(code_of(evicted), Errc::corrupt);
  EXPECT_EQ(evicted.error().key(), to_string(key));
}

// By its key: the name has another object when the home learns of the eviction.
TEST_F(RemoteWriterTest, EvictsNoObjectThatHasTakenTheName) {
  const std::string name = name_of("clock ");
  const Key key = put(maker, name, 1)->key;
  before(Kind::unbind, [&] { EXPECT_TRUE(put(other, name, 2, {SealMode::replace})); });
  EXPECT_TRUE(world_.connector(maker).evict(key, {}));
  EXPECT_TRUE(holds(get(name).value(), pattern(2, size_bytes)));
  EXPECT_EQ(levels(maker), PlainNode::Levels{});
}

TEST_F(RemoteWriterTest, GivesASmallObjectToTheHomeOfItsName) {
  const std::string name = name_of("given ");
  Result<Sealed> given = Error(Errc::system, "not put");
  EXPECT_EQ(world_.messages_of(
                [&] { given = put_at_home(world_.connector(maker), store, name, pattern(1, small_bytes)); }),
            2U);
  ASSERT_TRUE(given) << given.error();
  EXPECT_EQ(given->key.creator, static_cast<std::uint32_t>(home));
  EXPECT_EQ(levels(maker), PlainNode::Levels{});
  EXPECT_EQ(levels(home).objects, 1U);
  const auto got = get(name);
  ASSERT_TRUE(got) << got.error();
  EXPECT_TRUE(holds(*got, pattern(1, small_bytes)));
  EXPECT_EQ(got->key(), given->key);
  EXPECT_EQ(got->facts().name, name);
  EXPECT_EQ(world_.messages_of([&] {
    EXPECT_TRUE(holds(world_.connector(home).get({store, name}, {}).value(), pattern(1, small_bytes)));
    EXPECT_TRUE(world_.connector(home).evict(Address(store, name), {}).value());
  }),
            0U)
      << "the home asks nobody";
  EXPECT_EQ(code_of(get(name)), Errc::not_found);
  EXPECT_EQ(levels(home), PlainNode::Levels{});
}

TEST_F(RemoteWriterTest, KeepsAnObjectThatIsTooLargeToBeGiven) {
  const std::string name = name_of("large ");
  const auto kept = put_at_home(world_.connector(maker), store, name, pattern(1, size_bytes));
  ASSERT_TRUE(kept) << kept.error();
  EXPECT_EQ(kept->key.creator, static_cast<std::uint32_t>(maker));
  EXPECT_EQ(levels(maker).objects, 1U);
  EXPECT_TRUE(holds(get(name).value(), pattern(1, size_bytes)));
}

TEST_F(RemoteWriterTest, LeavesNothingOfWhatTheHomeDoesNotTake) {
  const std::string name = name_of("taken before ");
  const std::uint64_t generation = put(other, name, 1)->generation;
  Connector& own = world_.connector(maker);
  EXPECT_EQ(code_of(put_at_home(own, store, name, pattern(2, small_bytes))), Errc::key_exists);
  EXPECT_EQ(
      code_of(put_at_home(own, store, name, pattern(2, small_bytes), {SealMode::replace, generation + 1})),
      Errc::stale);
  EXPECT_EQ(levels(maker), PlainNode::Levels{});
  EXPECT_TRUE(put_at_home(own, store, name, pattern(2, small_bytes), {SealMode::replace}));
  EXPECT_EQ(levels(other), PlainNode::Levels{}) << "what was replaced is evicted";
  EXPECT_EQ(levels(maker), PlainNode::Levels{});
  EXPECT_TRUE(holds(get(name).value(), pattern(2, small_bytes)));
}

// Whether the home has taken it or not: nobody would ever find that of the maker.
TEST_F(RemoteWriterTest, KeepsNothingThatItHasGivenToALostHome) {
  nodes_.kill_node(home);
  EXPECT_EQ(code_of(put_at_home(world_.connector(maker), store, name_of("sent "), pattern(1, small_bytes))),
            Errc::peer_lost);
  world_.rank(maker).links->client()->pause(10s);
  EXPECT_EQ(levels(maker), PlainNode::Levels{});
}

TEST_F(RemoteWriterTest, TakesNonsenseForNoObjectThatWasGiven) {
  const std::string name = name_of("spoiled ");
  bend_replies(sizeof(GivenWords), [](Message& message) { message.set_body(message.body().first(8)); });
  EXPECT_EQ(code_of(put_at_home(world_.connector(maker), store, name, pattern(1, small_bytes))),
            Errc::corrupt);
  liars_[home].bend = nullptr;
  EXPECT_EQ(levels(maker), PlainNode::Levels{});
}

}  // namespace
}  // namespace locum::tests::remote_writer_test
