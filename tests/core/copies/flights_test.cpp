// Flights whose answer is damaged or never comes, and who is told of that.
#include "core/copies/flights.hpp"

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cstring>
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "core/copies/node_copies.hpp"
#include "core/rpc/message.hpp"
#include "tests/core/bent_transport.hpp"
#include "tests/core/connector_samples.hpp"
#include "tests/core/mortal_nodes.hpp"

namespace locum::tests::flights_test {
namespace {

using namespace std::chrono_literals;
using loopback::Fate;
using loopback::Verdict;

constexpr std::uint32_t store = 7;
constexpr std::size_t size_bytes = 5000;

/// What a rank is told that joins a flight of rank 2.
Task<std::optional<std::uint8_t>> joined(const NodeClient& client, JoinWords asked,
                                         Deadline::Clock::time_point until) {
  const auto reply = co_await client.request_of_rank(2, Kind::join, words(asked), until);
  co_return reply ? read_words<std::uint8_t>(reply->body) : std::nullopt;
}

/// Rank 0 of node 0 makes objects; ranks 2 and 3 of node 1 want them at the same time, rank 2 first.
class FlightsTest : public ::testing::Test {
 protected:
  static constexpr int owner = 0;
  static constexpr int first = 2;
  static constexpr int node_peer = 3;

  /// What a get has ended with.
  struct Got {
    int rank = 0;
    Result<ObjectView> found;
    std::chrono::nanoseconds took;
  };

  [[nodiscard]] Key made(bool checksum = false) {
    ObjectMeta meta = plain_meta(store);
    meta.checksum = checksum;
    const ObjectDraft draft = world_.connector(owner).create(size_bytes, meta, {}).value();
    std::memcpy(draft.bytes.data(), bytes_.data(), size_bytes);
    return world_.connector(owner).seal(draft, {}, {}).value().key;
  }
  /// The owner's answers to those who want a copy are changed so.
  void bend_copies(std::function<void(Message&, CopyWords&)> how) {
    liars_[owner].bend = [how = std::move(how)](Message& message) {
      auto words = read_words<CopyWords>(message.body());
      if (message.envelope().kind == Kind::reply && message.body().size() == sizeof(CopyWords)) {
        how(message, *words);
        message.set_body(locum::words(*words));
      }
    };
  }
  void judge(std::function<Verdict(int from, int to, Kind kind)> then) {
    world_.network().on_message([this, then](int from, int to, std::span<const std::byte> header) {
      Envelope envelope;
      std::memcpy(&envelope, header.data(), sizeof envelope);
      ++of_kind_[envelope.kind];
      return then ? then(from, to, envelope.kind) : Verdict{};
    });
  }
  /// Each begins as soon as the one before has sent its first message.
  void get_at_once(const Key& key, const std::vector<std::pair<int, std::chrono::milliseconds>>& ranks) {
    got_.clear();
    for (const auto& [rank, patience] : ranks) {
      world_.network().start([this, key, rank = rank, patience = patience] {
        const auto began = world_.network().now();
        auto found = world_.connector(rank).get(Address(key, 0, size_bytes), began + patience);
        got_.push_back({rank, std::move(found), world_.network().now() - began});
      });
    }
    world_.network().run();
  }
  [[nodiscard]] bool is_right(const Result<ObjectView>& found) const {
    return found && holds(*found, bytes_);
  }
  void expect_nothing_left(const Key& key) {
    EXPECT_FALSE(world_.rank(first).links->copies().here->look(key, 0, Path::shm_view, {})->exists())
        << "neither a mark nor a copy";
    for (const int rank : {first, node_peer}) {
      (void)world_.connector(rank).usage();
    }
    EXPECT_EQ(world_.rank(first).node->levels(), PlainNode::Levels{});
  }

  const std::vector<std::byte> bytes_ = pattern(1, size_bytes);
  std::map<Kind, int> of_kind_;
  std::vector<Got> got_;
  Liars liars_{owner};
  MortalNodes nodes_{{.nodes = {.nodes = 2, .ranks_per_node = 2},
                      .network = {.latency = {1ms, 1ms}, .detection = {50ms, 50ms}},
                      .wrap = liars_.wrap()}};
  SimulatedNodes& world_ = nodes_.world();
};

TEST_F(FlightsTest, BelieveNoAnswerThatIsOfAnotherObject) {
  const Key key = made();
  bend_copies([](Message&, CopyWords& words) { ++words.object.key.serial; });
  get_at_once(key, {{first, 20s}});
  EXPECT_EQ(code_of(got_[0].found), Errc::corrupt);
  expect_nothing_left(key);
  liars_[owner].bend = nullptr;
  get_at_once(key, {{first, 20s}});
  EXPECT_TRUE(is_right(got_[0].found));
}

TEST_F(FlightsTest, ShareNothingThatWasDamagedOnItsWay) {
  const Key key = made(true);
  bend_copies([](Message& message, CopyWords&) { message.bulk[17] ^= std::byte{1}; });
  get_at_once(key, {{first, 20s}});
  EXPECT_EQ(code_of(got_[0].found), Errc::corrupt);
  expect_nothing_left(key);
  liars_[owner].bend = nullptr;
  get_at_once(key, {{node_peer, 20s}});
  EXPECT_TRUE(is_right(got_[0].found));
}

// A joiner would not be told of an eviction: so it gets what it has asked for itself.
TEST_F(FlightsTest, ShareNothingOfWhichAnEvictionWouldNotTell) {
  const Key key = made();
  bend_copies([](Message&, CopyWords& words) { words.listed = 0; });
  judge({});
  get_at_once(key, {{first, 20s}, {node_peer, 20s}});
  ASSERT_EQ(got_.size(), 2U);
  EXPECT_TRUE(is_right(got_[0].found) && is_right(got_[1].found));
  EXPECT_EQ(of_kind_[Kind::copy], 1);
  EXPECT_EQ(of_kind_[Kind::join], 1);
  EXPECT_EQ(of_kind_[Kind::fetch], 1) << "by the joiner, for itself";
  EXPECT_NE(got_[0].found->bytes().data(), got_[1].found->bytes().data());
  got_.clear();
  expect_nothing_left(key);
}

// As another rank asks that has seen the mark of a flight which has landed since, or of a later one.
TEST_F(FlightsTest, AreJoinedByTheirOwnMarkOnly) {
  const Key key = made();
  judge([](int from, int to, Kind) {
    return from == owner && to == first ? Verdict{Fate::delay, 500ms} : Verdict{};
  });
  const NodeClient& client = *world_.rank(node_peer).links->client();
  std::array<std::chrono::nanoseconds, 3> took{};
  world_.network().start([&] {
    client.pause(100ms);
    const std::uint64_t mark =
        world_.rank(first).links->copies().here->look(key, 0, Path::shm_view, {}).value().mark.generation;
    for (std::size_t at = 0; at < took.size(); ++at) {
      const auto began = client.now();
      const auto joining = client.operation(
          joined(client, JoinWords{.key = key, .generation = at == 0 ? mark + 1 : mark}, began + 20s));
      EXPECT_TRUE(client.run(*joining, began + 20s));
      EXPECT_EQ(joining->take(), std::uint8_t{0}) << "look again";
      took[at] = client.now() - began;
    }
  });
  get_at_once(key, {{first, 20s}});
  EXPECT_TRUE(is_right(got_[0].found));
  EXPECT_LE(took[0], 3ms) << "another flight's";
  EXPECT_GE(took[1], 300ms);
  EXPECT_LE(took[2], 3ms) << "it has landed";
}

TEST_F(FlightsTest, KeepAJoinerNoLongerThanItsOwnDeadline) {
  const Key key = made();
  judge([](int from, int to, Kind) {
    return from == owner && to == first ? Verdict{Fate::delay, 500ms} : Verdict{};
  });
  get_at_once(key, {{first, 20s}, {first, 50ms}, {node_peer, 60ms}});
  ASSERT_EQ(got_.size(), 3U);
  EXPECT_EQ(code_of(got_[0].found), Errc::timeout);
  EXPECT_LE(got_[0].took, 52ms) << "of the same rank";
  EXPECT_EQ(code_of(got_[1].found), Errc::timeout);
  EXPECT_LE(got_[1].took, 62ms) << "of another rank";
  EXPECT_TRUE(is_right(got_[2].found)) << "the flight goes on";
  EXPECT_EQ(of_kind_[Kind::copy], 1);
}

TEST_F(FlightsTest, TellAllWhoJoinedThatTheOwnerIsLost) {
  const Key key = made();
  judge([](int from, int to, Kind) {
    return from == owner && to == first ? Verdict{Fate::drop, {}} : Verdict{};
  });
  world_.network().after(20ms, [this] { nodes_.kill_node(0); });
  get_at_once(key, {{first, 20s}, {first, 20s}, {node_peer, 20s}});
  ASSERT_EQ(got_.size(), 3U);
  for (const Got& one : got_) {
    EXPECT_EQ(code_of(one.found), Errc::peer_lost) << "rank " << one.rank;
  }
  expect_nothing_left(key);
}

TEST_F(FlightsTest, EndWithTheirRankAndOthersAskForThemselves) {
  const Key key = made();
  judge([](int from, int to, Kind) {
    return from == owner && to == first ? Verdict{Fate::delay, 500ms} : Verdict{};
  });
  world_.network().after(50ms, [this] { nodes_.close(first); });
  get_at_once(key, {{first, 20s}, {node_peer, 20s}});
  ASSERT_EQ(got_.size(), 2U);
  EXPECT_EQ(code_of(got_[0].found), Errc::closed);
  EXPECT_TRUE(is_right(got_[1].found));
  EXPECT_EQ(of_kind_[Kind::fetch], 1);
}

}  // namespace
}  // namespace locum::tests::flights_test
