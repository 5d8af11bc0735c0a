#include "core/server/name_changes.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <string>

#include "core/rpc/message.hpp"
#include "tests/core/bent_transport.hpp"
#include "tests/core/code_of.hpp"
#include "tests/core/connector_samples.hpp"
#include "tests/core/simulated_nodes.hpp"

// Objects that have lost their name, while their node has no room for the request to evict them.
namespace locum::tests::retirements_test {
namespace {

using namespace std::chrono_literals;
using Clock = Deadline::Clock;

constexpr std::uint32_t store = 7;
constexpr int caller = 0;
constexpr int maker = 2;

/// Three nodes of one rank. A name with its home on one of the first two nodes refers to an object of the
/// third; rank 0 evicts it.
class RemoteEvictionsTest : public ::testing::TestWithParam<int> {
 protected:
  RemoteEvictionsTest() : name_(world_.name_at(GetParam(), store, "name")) {
    for (const int home : {0, 1}) {
      bent_[home].bend = [this](Message& message) {
        if (refuses_ && message.envelope().kind == Kind::retire) {
          ++refused_;
          message.set_body({});  // invalid, and refused
        }
      };
    }
    bent_[maker].bend = [this](Message& message) {
      Envelope envelope = message.envelope();
      if (refuses_ && envelope.kind == Kind::reply &&
          envelope.status == static_cast<std::uint8_t>(Errc::invalid_argument)) {
        envelope.status = static_cast<std::uint8_t>(Errc::out_of_memory);
        message.set_envelope(envelope);
        message.set_body({});
      }
    };
    EXPECT_TRUE(put(world_.connector(maker), store, name_, pattern(1, 10'000)));
  }

  void begin_evict() {
    world_.network().start([this] {
      const auto began = world_.network().now();
      evicted_ = world_.connector(caller).evict(Address(store, name_), {});
      took_ = world_.network().now() - began;
    });
  }
  [[nodiscard]] std::size_t objects() {
    return world_.rank(maker).process.table->keys(store, Whose::own).size();
  }

  Liars bent_{0, 1, maker};
  SimulatedNodes world_{
      {.nodes = {.nodes = 3, .timeout = 1000ms}, .network = {.latency = {1ms, 1ms}}, .wrap = bent_.wrap()}};
  const std::string name_;
  bool refuses_ = false;
  int refused_ = 0;
  std::optional<Result<bool>> evicted_;
  Clock::duration took_{};
};

TEST_P(RemoteEvictionsTest, GoWhenNobodyWaitsForThatAnyMore) {
  refuses_ = true;
  begin_evict();
  world_.network().run_for(5s);
  ASSERT_TRUE(evicted_);
  EXPECT_EQ(code_of(*evicted_), Errc::out_of_memory);
  EXPECT_LE(took_, 1000ms);
  EXPECT_EQ(objects(), 1U);
  EXPECT_LE(refused_, 50) << "it is not polled without pauses";
  refuses_ = false;
  world_.network().run_for(3s);
  EXPECT_EQ(objects(), 0U);
  const auto sent = world_.network().counters().sent.messages;
  world_.network().run_for(100s);
  EXPECT_EQ(world_.network().counters().sent.messages, sent) << "it is evicted";
}

// Waiting calls fail at once. The object stays: only its key still finds it.
TEST_P(RemoteEvictionsTest, AreGivenUpByARankThatCloses) {
  refuses_ = true;
  begin_evict();
  world_.network().run_for(100ms);
  ASSERT_FALSE(evicted_);
  world_.network().start([this] { world_.rank(GetParam()).links->close(); });
  world_.network().run_for(500ms);
  ASSERT_TRUE(evicted_);
  EXPECT_EQ(code_of(*evicted_), GetParam() == caller ? Errc::closed : Errc::peer_lost);
  EXPECT_LE(took_, 200ms);
  refuses_ = false;
  world_.network().run_for(10s);
  EXPECT_EQ(objects(), 1U);
}

INSTANTIATE_TEST_SUITE_P(, RemoteEvictionsTest, ::testing::Values(0, 1), [](const auto& home) {
  return home.param == caller ? "OfOwnHome" : "OfAnotherHome";
});

}  // namespace
}  // namespace locum::tests::retirements_test
