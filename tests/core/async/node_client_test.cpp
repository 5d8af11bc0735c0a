#include "core/async/node_client.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "tests/core/bent_transport.hpp"
#include "tests/core/connector_samples.hpp"
#include "tests/core/simulated_nodes.hpp"

namespace locum {
namespace {

using namespace std::chrono_literals;
using tests::Message;
using tests::pattern;

constexpr std::uint32_t store = 7;
constexpr int requester = 0;
constexpr int liar = 1;

struct Item {
  Key key;
  std::string name;
  std::vector<std::byte> bytes;
};

Result<Sealed> put_checked(Connector& connector, const std::string& name, std::span<const std::byte> bytes) {
  ObjectMeta meta = tests::plain_meta(store, name);
  meta.checksum = true;
  const auto draft = connector.create(bytes.size(), meta, {});
  if (!draft) {
    return draft.error();
  }
  std::copy(bytes.begin(), bytes.end(), draft->bytes.begin());
  return connector.seal(*draft, {}, {});
}

/// A faulty rank that replies anything, and one that sends requests to it.
class NodeClientTest : public ::testing::Test {
 protected:
  NodeClientTest() {
    for (const int maker : {requester, liar, 2}) {
      for (const std::size_t size : {1U, 100U, 3000U, 9000U}) {
        for (const int home : {requester, liar}) {
          put(maker, size, world_.name_at(home, store, std::to_string(maker * 100'000 + size) + "."));
        }
        put(maker, size, {});
      }
    }
  }
  void put(int maker, std::size_t size, const std::string& name) {
    const auto bytes = pattern(items_.size(), size);
    const auto sealed = put_checked(world_.connector(maker), name, bytes);
    ASSERT_TRUE(sealed) << sealed.error();
    items_.push_back({sealed->key, name, bytes});
  }
  /// The right content, or an error. The key of an object requested by name comes from the name's home:
  /// nothing in the object confirms it.
  void expect_right_or_error(const Result<ObjectView>& view, const Item& item) {
    if (!view) {
      ++errors_;
      return;
    }
    ++right_;
    EXPECT_TRUE(tests::holds(*view, item.bytes)) << item.name << ", " << item.bytes.size() << " bytes";
    EXPECT_EQ(view->facts().name, item.name);
  }
  /// The same for the object's metadata, which its hashes protect.
  void expect_right_facts_or_error(const Result<ObjectView>& view, const Item& item) {
    if (!view) {
      ++errors_;
      return;
    }
    ++right_;
    EXPECT_TRUE(view->facts().whole);
    EXPECT_EQ(text_hash(view->facts().type_name), view->facts().type_hash);
    EXPECT_TRUE(item.name.empty() || view->facts().name == item.name) << item.name;
  }
  /// Some request to the faulty rank.
  void ask_something(tests::Spoiler& random, int round) {
    Connector& own = world_.connector(requester);
    const Item& item = items_[random.below(items_.size())];
    const Address by_name = item.name.empty() ? Address(item.key) : Address(store, item.name);
    EXPECT_TRUE(world_.rank(requester).links->copies().here->invalidate(item.key))
        << "otherwise no request is sent";
    switch (random.below(9)) {
      case 0:
      case 1:
        return expect_right_or_error(own.get(Address(item.key), {}), item);
      case 2:
      case 3:
        return expect_right_or_error(own.get(by_name, {}), item);
      case 4:
        (void)own.exists(by_name, {});
        return;
      case 5:
        if (const auto names = own.list(store, "1", {})) {
          EXPECT_TRUE(std::ranges::all_of(*names, [](const auto& name) { return name.starts_with("1"); }));
        }
        return;
      case 6: {
        const std::string name = world_.name_at(liar, store, "new " + std::to_string(round) + ".");
        (void)put_checked(own, name, pattern(1, 100));
        (void)own.evict(Address(store, name), {});
        return;
      }
      case 7:
        return expect_right_facts_or_error(
            own.get_some(random.below(2) == 0 ? Address(item.key) : by_name, Facts(), {}), item);
      default:
        EXPECT_FALSE(own.get(Address({store, liar, 1'000'000}, name_hash(store, item.name)), {}));
        return;
    }
  }

  tests::Liars liars_{liar};
  tests::SimulatedNodes world_{{.nodes = {.nodes = 3, .timeout = 1s}, .network = {}, .wrap = liars_.wrap()}};
  tests::BentTransport& bent_ = liars_[liar];
  std::vector<Item> items_;
  int right_ = 0;
  int errors_ = 0;
};

// The objects have checksums: in a store without them, a faulty owner can send other bytes.
TEST_F(NodeClientTest, SpoiledAnswersAreErrorsOrRight) {
  constexpr int rounds = 10'000;
  tests::Spoiler spoiler(3);
  std::vector<Message> replies;
  bent_.record = [&](const Message& message) {
    if (message.envelope().kind == Kind::reply) {
      replies.push_back(message);
    }
  };
  for (int round = 0; round < 200; ++round) {
    ask_something(spoiler, -1 - round);
  }
  EXPECT_EQ(errors_, 0) << "no rank was faulty yet";
  bent_.record = nullptr;
  ASSERT_GT(replies.size(), 50U);
  int spoiled = 0;
  bent_.bend = [&](Message& message) {
    Envelope envelope = message.envelope();
    if (envelope.kind != Kind::reply) {
      return;
    }
    ++spoiled;
    if (spoiler.below(50) == 0) {
      envelope.call ^= 1U << spoiler.below(32);
    } else if (spoiler.below(10) == 0) {
      envelope.status = static_cast<std::uint8_t>(spoiler.below(256));
      if (envelope.status == static_cast<std::uint8_t>(Errc::closed)) {
        envelope.status = 0;  // a reply that a rank has closed is always trusted, for good
      }
    }
    message.set_envelope(envelope);
    if (spoiler.below(4) != 0) {
      spoiler.spoil(message, replies);
    } else {
      const Message& other = replies[spoiler.below(replies.size())];
      message.set_body(other.body());
      message.bulk = other.bulk;
    }
  };
  for (int round = 0; round < rounds && !HasFailure(); ++round) {
    ask_something(spoiler, round);
    if (round % 1000 == 0) {
      world_.network().run_until_idle();
      bent_.forget();
    }
  }
  bent_.bend = nullptr;
  RecordProperty("spoiled", spoiled);
  RecordProperty("right", right_);
  RecordProperty("errors", errors_);
  EXPECT_GT(spoiled, rounds / 4);
  EXPECT_GT(errors_, rounds / 20);
  EXPECT_GT(right_, rounds / 20);

  // A rank that is not faulty any more is trusted again, and nothing of this rank has changed.
  for (int reader = 0; reader < world_.size(); ++reader) {
    for (const Item& item : items_) {
      const auto view = world_.connector(reader).get(Address(item.key), {});
      ASSERT_TRUE(view) << view.error();
      EXPECT_TRUE(tests::holds(*view, item.bytes));
    }
  }
  EXPECT_EQ(world_.connector(requester).usage().own_pinned, 0U);
}

// A home whose reply names another object of the requester itself.
TEST_F(NodeClientTest, AForeignKeyBehindANameIsCorrupt) {
  for (const Item& asked : items_) {
    if (asked.name.empty() || world_.home(store, asked.name) != liar) {
      continue;
    }
    for (const Item& other : items_) {
      if (other.key == asked.key) {
        continue;
      }
      const auto pin = world_.rank(static_cast<int>(other.key.creator)).process.table->pin(other.key);
      ASSERT_TRUE(pin);
      const ObjectWire wire = wire_of(*pin, 12345);
      world_.rank(static_cast<int>(other.key.creator)).process.table->release(pin->id);
      bent_.bend = [&](Message& message) {
        if (message.body().size() == sizeof wire && message.to == requester) {
          message.set_body(words(wire));
          message.bulk.clear();
        }
      };
      const auto view = world_.connector(requester).get(Address(store, asked.name), {});
      bent_.bend = nullptr;
      ASSERT_FALSE(view) << asked.name << " became " << other.name;
      const auto owner = world_.connector(static_cast<int>(other.key.creator)).get(Address(other.key), {});
      ASSERT_TRUE(owner);
      EXPECT_NE(owner->facts().generation, 12345U);
    }
  }
}

}  // namespace
}  // namespace locum
