// Searches on other nodes: answers that contradict each other, nodes that are lost, and names that change
// between two answers.
#include "core/client/remote_reader.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstring>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "core/rpc/message.hpp"
#include "tests/core/bent_transport.hpp"
#include "tests/core/connector_samples.hpp"
#include "tests/core/mortal_nodes.hpp"

namespace locum::tests::remote_reader_test {
namespace {

using namespace std::chrono_literals;
using loopback::Fate;
using loopback::Verdict;

constexpr std::uint32_t store = 7;
constexpr std::size_t size_bytes = 9000;  // more than the home of a name keeps

/// Three nodes of one rank: the reader, the home of the names, and the owner of the objects.
class RemoteReaderTest : public ::testing::Test {
 protected:
  static constexpr int reader = 0;
  static constexpr int home = 1;
  static constexpr int owner = 2;

  [[nodiscard]] std::string name_of(const std::string& stem) { return world_.name_at(home, store, stem); }
  Sealed put(const std::string& name, std::uint64_t seed, const SealOptions& options = {}) {
    return tests::put(world_.connector(owner), store, name, pattern(seed, size_bytes), options).value();
  }
  [[nodiscard]] Result<ObjectView> get(const std::string& name) {
    return world_.connector(reader).get({store, name}, {});
  }
  /// The home's replies with a record of an object say something else.
  void bend_records(std::function<void(ObjectWire&)> how) {
    liars_[home].bend = [how = std::move(how)](Message& message) {
      if (message.envelope().kind == Kind::reply && message.body().size() == sizeof(ObjectWire)) {
        ObjectWire wire = *read_words<ObjectWire>(message.body());
        how(wire);
        message.set_body(words(wire));
      }
    };
  }
  /// When the first message of that kind has been sent, something else happens before it arrives.
  void before(Kind kind, std::function<void()> act) {
    world_.network().on_message(
        [this, kind, act, is_done = false](int, int, std::span<const std::byte> header) mutable {
          Envelope envelope;
          std::memcpy(&envelope, header.data(), sizeof envelope);
          ++of_kind_[envelope.kind];
          if (is_done || envelope.kind != kind) {
            return Verdict{};
          }
          is_done = true;
          world_.network().start(act);
          return Verdict{Fate::delay, 500ms};
        });
  }

  std::map<Kind, int> of_kind_;
  Liars liars_{home};
  MortalNodes nodes_{{.nodes = {.nodes = 3}, .network = {.latency = {1ms, 1ms}}, .wrap = liars_.wrap()}};
  SimulatedNodes& world_ = nodes_.world();
};

TEST_F(RemoteReaderTest, ShowsNoObjectOfAnotherName) {
  const std::string name = name_of("one ");
  (void)put(name, 1);
  const Key other = put(name_of("other "), 2).key;
  bend_records([other](ObjectWire& wire) { wire.key = other; });
  EXPECT_EQ(code_of(get(name)), Errc::corrupt);
  liars_[home].bend = nullptr;
  EXPECT_TRUE(holds(get(name).value(), pattern(1, size_bytes)));
}

TEST_F(RemoteReaderTest, ReceivesNothingIntoMemoryOfAnotherSize) {
  const std::string name = name_of("sized ");
  (void)put(name, 1);
  std::vector<std::byte> memory(size_bytes);
  bend_records([](ObjectWire& wire) { wire.record.size_bytes -= 8; });
  const auto get_into = [&] { return world_.connector(reader).get_into({store, name}, {}, memory, {}); };
  EXPECT_EQ(code_of(get_into()), Errc::corrupt);
  liars_[home].bend = nullptr;
  const auto found = get_into();
  ASSERT_TRUE(found) << found.error();
  EXPECT_EQ(found->bytes().data(), memory.data());
  EXPECT_TRUE(holds(*found, pattern(1, size_bytes)));
}

TEST_F(RemoteReaderTest, AsksTheHomeAgainWhereANameIsReplacedMeanwhile) {
  const std::string name = name_of("clock ");
  (void)put(name, 1);
  before(Kind::copy, [&] { (void)put(name, 2, {SealMode::replace}); });
  EXPECT_TRUE(holds(get(name).value(), pattern(2, size_bytes)));
  EXPECT_EQ(of_kind_[Kind::look_up], 2);
  before(Kind::copy, [&] { EXPECT_TRUE(world_.connector(owner).evict({store, name}, {}).value()); });
  (void)put(name, 3, {SealMode::replace});
  EXPECT_EQ(code_of(get(name)), Errc::not_found);
}

// Its maker died between making the object and binding it, say: else nobody could put the name.
TEST_F(RemoteReaderTest, HasAHomeForgetANameWhoseObjectIsNot) {
  const std::string name = name_of("dangling ");
  const Key key = put(name, 1).key;
  ASSERT_TRUE(world_.rank(owner).process.table->tombstone(key));
  ASSERT_TRUE(world_.connector(reader).exists({store, name}, {}).value());
  EXPECT_EQ(code_of(get(name)), Errc::not_found);
  EXPECT_FALSE(world_.connector(home).exists({store, name}, {}).value());
  (void)put(name, 2);
  EXPECT_TRUE(holds(get(name).value(), pattern(2, size_bytes)));
}

TEST_F(RemoteReaderTest, TakesWhatItCannotAskForAsNeitherThereNorGone) {
  const std::string name = name_of("asked ");
  const Key key = put(name, 1).key;
  const Address handle(key, name_hash(store, name), size_bytes);
  ASSERT_TRUE(world_.connector(owner).evict({store, name}, {}).value());
  EXPECT_EQ(code_of(world_.connector(reader).get(handle, {})), Errc::not_found);
  nodes_.kill_node(home);
  EXPECT_EQ(code_of(world_.connector(reader).get(handle, {})), Errc::peer_lost)
      << "it may have been replaced";
  EXPECT_EQ(code_of(world_.connector(reader).exists({store, name}, {})), Errc::peer_lost);
  EXPECT_EQ(code_of(world_.connector(reader).list(store, {}, {})), Errc::peer_lost);
  nodes_.kill_node(owner);
  EXPECT_EQ(code_of(world_.connector(reader).exists(Address(key), {})), Errc::peer_lost);
}

TEST_F(RemoteReaderTest, ListsNoNameThatIsNotAtHomeWhereItIsSaidToBe) {
  const std::string name = name_of("listed ");
  (void)put(name, 1);
  std::string other = name;
  while (world_.home(store, other) == home) {
    ++other.back();
  }
  std::function<void(std::vector<std::byte>&)> how;
  liars_[home].bend = [&](Message& message) {
    if (message.envelope().kind == Kind::reply && !message.bulk.empty()) {
      how(message.bulk);
    }
  };
  const auto list = [&] { return world_.connector(reader).list(store, "listed", {}); };
  how = [&](auto& packed) { packed.back() = static_cast<std::byte>(other.back()); };
  EXPECT_EQ(code_of(list()), Errc::corrupt) << "another node's";
  how = [&](auto& packed) { packed[4] = std::byte{'x'}; };
  EXPECT_EQ(code_of(list()), Errc::corrupt) << "it does not begin so";
  how = [&](auto& packed) { packed.pop_back(); };
  EXPECT_EQ(code_of(list()), Errc::corrupt) << "it was cut";
  liars_[home].bend = nullptr;
  EXPECT_EQ(list().value(), std::vector<std::string>{name});
}

}  // namespace
}  // namespace locum::tests::remote_reader_test
