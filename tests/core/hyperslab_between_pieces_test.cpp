#include "core/value/hyperslab.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <functional>
#include <string>

#include "core/rpc/message.hpp"
#include "tests/core/connector_samples.hpp"
#include "tests/core/hyperslab_samples.hpp"
#include "tests/core/mortal_nodes.hpp"

// An object that changes while a hyperslab of it is read in several pieces.
namespace locum::tests::hyperslab_between_pieces_test {

namespace {

using namespace std::chrono_literals;
using tests::MortalNodes;
using tests::SimulatedNodes;

constexpr std::uint32_t store = 7;

/// Runs `then_` when the reader has received one piece and requests the next one.
class BetweenPieces : public ::testing::Test {
 protected:
  static constexpr int owner = 0;
  static constexpr int reader = 2;

  void SetUp() override {
    world().network().on_message([this](int from, int /*to*/, std::span<const std::byte> header) {
      Envelope envelope;
      std::memcpy(&envelope, header.data(), sizeof envelope);
      if (from == reader && envelope.kind == Kind::fetch_hyperslab && ++asked_ == 2 && then_) {
        then_();
      }
      return loopback::Verdict{};
    });
    name_ = world().name_at(0, store, "large ");
    key_ = put(world().connector(owner), store, name_, array_).value().key;
  }
  void TearDown() override { world().network().on_message({}); }

  SimulatedNodes& world() { return nodes_.world(); }
  Result<ObjectView> get(const Address& address, Deadline deadline = {}) {
    return world().connector(reader).get_some(address, Elements{slab_, 4}, deadline);
  }

  std::function<void()> then_;
  MortalNodes nodes_{
      {.nodes = {.nodes = 2, .ranks_per_node = 2, .memory_bytes = std::uint64_t{128} << 20U, .timeout = 4s}}};
  const ArraySample array_ = field({1024, 4096}, 4);
  const Hyperslab slab_{.start = {0, 1}, .count = {1024, 2048}, .stride = {1, 2}};
  std::string name_;
  Key key_;
  int asked_ = 0;
};

TEST_F(BetweenPieces, NothingHappens) {
  EXPECT_TRUE(shows(get(Address(key_)).value(), array_, slab_));
  EXPECT_EQ(asked_, 2);
}

TEST_F(BetweenPieces, TheObjectIsEvicted) {
  then_ = [&] { EXPECT_TRUE(world().connector(owner).evict(Address(key_), {}).value()); };
  EXPECT_EQ(code_of(get(Address(key_))), Errc::not_found);
  EXPECT_EQ(asked_, 2);
}

// By name the new object is read completely; by handle the read fails.
TEST_F(BetweenPieces, TheObjectIsReplaced) {
  ArraySample newer = array_;
  std::ranges::transform(newer.bytes, newer.bytes.begin(), [](std::byte byte) { return ~byte; });
  then_ = [&] {
    EXPECT_TRUE(put(world().connector(owner), store, name_, newer, {.mode = SealMode::replace}));
  };
  const auto view = get(Address(store, name_));
  ASSERT_TRUE(view) << view.error();
  EXPECT_TRUE(shows(*view, newer, slab_));
  EXPECT_EQ(asked_, 4);
}

TEST_F(BetweenPieces, TheObjectOfAHandleIsReplaced) {
  then_ = [&] {
    EXPECT_TRUE(put(world().connector(owner), store, name_, array_, {.mode = SealMode::replace}));
  };
  EXPECT_EQ(code_of(get(Address(key_, name_hash(store, name_)))), Errc::stale);
}

TEST_F(BetweenPieces, TheOwnerDies) {
  then_ = [&] { world().network().after(0ns, [&] { nodes_.kill(owner); }); };
  const auto view = get(Address(key_), world().network().now() + 20s);
  ASSERT_TRUE(view) << view.error();
  EXPECT_TRUE(shows(*view, array_, slab_)) << "another rank of its node continues";
}

TEST_F(BetweenPieces, TheNodeDies) {
  then_ = [&] { world().network().after(0ns, [&] { nodes_.kill_node(0); }); };
  const auto before = world().network().now();
  EXPECT_EQ(code_of(get(Address(key_), before + 20s)), Errc::peer_lost);
  EXPECT_LE(world().network().now() - before, 12s);
}

// The deadline holds for all pieces together, also for a rank that sends none.
TEST_F(BetweenPieces, TheOwnerIsSlow) {
  const auto pause = [&] {
    for (const int rank : {0, 1}) {
      world().network().pause(rank);
      world().network().after(3s, [this, rank] { world().network().resume(rank); });
    }
  };
  then_ = pause;
  pause();
  const auto before = world().network().now();
  EXPECT_EQ(code_of(get(Address(key_))), Errc::timeout);
  EXPECT_EQ(asked_, 2);
  EXPECT_GE(world().network().now() - before, 3900ms);
  EXPECT_LE(world().network().now() - before, 4200ms);
  world().network().run_for(5s);
  then_ = nullptr;
  EXPECT_TRUE(shows(get(Address(key_)).value(), array_, slab_));
}

}  // namespace
}  // namespace locum::tests::hyperslab_between_pieces_test
