// Each kind of message between ranks, as bytes: scenes in a simulated network, all of whose messages are
// recorded.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/ports/wanting.hpp"
#include "core/promise.hpp"
#include "core/rpc/message.hpp"
#include "core/value/options.hpp"
#include "tests/core/bent_transport.hpp"
#include "tests/core/connector_samples.hpp"
#include "tests/core/mortal_nodes.hpp"
#include "tests/core/rank_stores.hpp"
#include "tests/golden/golden.hpp"

namespace locum::tests::golden_wire_test {
namespace {

using namespace std::chrono_literals;
using loopback::Fate;
using loopback::Verdict;

constexpr std::uint32_t store = 7;
constexpr std::size_t small = 40;
constexpr std::size_t large = 9'000;  // more than fits into a message

std::string_view name_of_kind(Kind kind) {
  switch (kind) {
    case Kind::reply:
      return "reply";
    case Kind::ping:
      return "ping";
    case Kind::fetch:
      return "fetch";
    case Kind::exists:
      return "exists";
    case Kind::evict:
      return "evict";
    case Kind::retire:
      return "retire";
    case Kind::look_up:
      return "look_up";
    case Kind::bind:
      return "bind";
    case Kind::unbind:
      return "unbind";
    case Kind::generation:
      return "generation";
    case Kind::list:
      return "list";
    case Kind::roll_call:
      return "roll_call";
    case Kind::await:
      return "await";
    case Kind::fetch_part:
      return "fetch_part";
    case Kind::copy:
      return "copy";
    case Kind::invalidate:
      return "invalidate";
    case Kind::join:
      return "join";
    case Kind::fetch_hyperslab:
      return "fetch_hyperslab";
    case Kind::death_notice:
      return "death_notice";
    case Kind::renew:
      return "renew";
    case Kind::lease_read:
      return "lease_read";
    case Kind::end_read:
      return "end_read";
    case Kind::recall_read:
      return "recall_read";
    case Kind::describe:
      return "describe";
    case Kind::fetch_batch:
      return "fetch_batch";
    case Kind::evict_batch:
      return "evict_batch";
    case Kind::unbind_batch:
      return "unbind_batch";
    case Kind::bind_batch:
      return "bind_batch";
    case Kind::look_up_batch:
      return "look_up_batch";
    case Kind::together:
      return "together";
  }
  return "unknown";
}

/// Two nodes of two ranks, with a latency of a millisecond, and their messages, as text.
class Scenes {
 public:
  /// Plays that scene in a new world; messages before `from_now()` are not recorded.
  void play(const std::string& title, bool one_sided, const std::function<void(Scenes&)>& act) {
    Liars liars{0, 1, 2, 3};
    MortalNodes nodes({.nodes = {.nodes = 2, .ranks_per_node = 2, .memory_bytes = 1_MiB, .patience = 1s},
                       .network = {.latency = {1ms, 1ms}, .one_sided = one_sided},
                       .wrap = liars.wrap()});
    nodes_ = &nodes;
    title_ = title;
    recording_ = false;
    calls_.clear();
    for (int rank = 0; rank < 4; ++rank) {
      liars[rank].record = [this, rank](const Message& message) { note(rank, message); };
    }
    act(*this);
    network().run_for(100ms);
    recording_ = false;
    network().on_message({});
    nodes_ = nullptr;
  }
  void from_now() {
    network().run_for(10ms);
    recording_ = true;
    text_ += (text_.empty() ? "== " : "\n== ") + title_ + '\n';
  }

  [[nodiscard]] SimulatedNodes& world() { return nodes_->world(); }
  [[nodiscard]] MortalNodes& nodes() { return *nodes_; }
  [[nodiscard]] loopback::Network& network() { return world().network(); }
  [[nodiscard]] Connector& at(int rank) { return world().connector(rank); }
  [[nodiscard]] std::string name(int home) { return world().name_at(home, store, "name "); }
  Key made(int rank, std::size_t size, std::string_view name = {}) {
    return put(at(rank), store, name, pattern(size, size)).value().key;
  }
  /// A 6 x 10 array of two-byte elements.
  Key made_array(int rank) {
    ObjectMeta meta{store, 2, 16, text_hash("i16[]"), "i16[]", {}, Layout::array, {6, 10}};
    const ObjectDraft draft = at(rank).create(120, meta, {}).value();
    std::ranges::copy(pattern(3, 120), draft.bytes.begin());
    return at(rank).seal(draft, {}, {}).value().key;
  }
  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] const std::set<Kind>& kinds() const { return kinds_; }

 private:
  // Call numbers are replaced by their order of appearance: the numbers that a requester chooses are not part
  // of the format.
  void note(int from, const Message& message) {
    if (!recording_) {
      return;
    }
    Envelope envelope = message.envelope();
    kinds_.insert(envelope.kind);
    const int requester = envelope.kind == Kind::reply ? message.to : from;
    if (envelope.call != 0) {
      auto& numbers = calls_[requester];
      envelope.call =
          numbers.emplace(envelope.call, static_cast<std::uint32_t>(numbers.size() + 1)).first->second;
    }
    Message shown = message;
    shown.set_envelope(envelope);
    text_ += std::to_string(from) + " > " + std::to_string(message.to) + ' ' +
             std::string(name_of_kind(envelope.kind)) + '\n' + hex_lines(shown.header);
    if (!message.bulk.empty()) {
      text_ += " bulk, " + std::to_string(message.bulk.size()) + " bytes\n" + hex_lines(message.bulk);
    }
  }

  MortalNodes* nodes_ = nullptr;
  std::string title_;
  bool recording_ = false;
  std::map<int, std::map<std::uint32_t, std::uint32_t>> calls_;
  std::string text_;
  std::set<Kind> kinds_;
};

void play_puts(Scenes& all) {
  for (const std::size_t size : {small, large}) {
    const std::string bytes = std::to_string(size) + " bytes";
    all.play("put by name at home on another node, " + bytes, false, [&](Scenes& scene) {
      scene.from_now();
      scene.made(0, size, scene.name(1));
    });
    all.play("replace a name of another node, " + bytes, false, [&](Scenes& scene) {
      const std::string name = scene.name(1);
      scene.made(0, size, name);
      scene.from_now();
      EXPECT_TRUE(put(scene.at(0), store, name, pattern(2, size), {SealMode::replace, 0}));
    });
  }
  all.play("put by a name that is live", false, [](Scenes& scene) {
    const std::string name = scene.name(1);
    scene.made(2, small, name);
    scene.from_now();
    EXPECT_EQ(code_of(put(scene.at(0), store, name, pattern(2, small))), Errc::key_exists);
  });
  all.play("replace with another generation than the live one", false, [](Scenes& scene) {
    const std::string name = scene.name(1);
    scene.made(2, small, name);
    scene.from_now();
    EXPECT_EQ(code_of(put(scene.at(0), store, name, pattern(2, small), {SealMode::replace, 77})),
              Errc::stale);
  });
}

void play_gifts(Scenes& all) {
  all.play("give an object to the home of its name, waiting for that", false, [](Scenes& scene) {
    scene.from_now();
    EXPECT_TRUE(put_at_home(scene.at(0), store, scene.name(1), pattern(1, small)));
  });
  all.play(
      "give an object to the home of its name, with the next request and reply", false, [](Scenes& scene) {
        const std::string name = scene.name(1);
        scene.from_now();
        const auto given = begin_put_at_home(scene.at(0), store, name, pattern(1, small));
        const auto got = scene.at(0).get_or_task(Address(store, name), {}, CountsUntil::it_is_got, {}).coming;
        ASSERT_TRUE(given && got);
        got->begin();
        scene.network().run_for(5ms);
        EXPECT_TRUE(got->ended() && given->ended());
      });
}

void play_gets(Scenes& all) {
  for (const std::size_t size : {std::size_t{0}, small, large}) {
    const std::string bytes = std::to_string(size) + " bytes";
    all.play("get by key, " + bytes, false, [&](Scenes& scene) {
      const Key key = scene.made(2, size);
      scene.from_now();
      EXPECT_TRUE(scene.at(0).get(Address(key), {}));
    });
    all.play("get by name at home with its object, " + bytes, false, [&](Scenes& scene) {
      const std::string name = scene.name(1);
      scene.made(2, size, name);
      scene.from_now();
      EXPECT_TRUE(scene.at(0).get(Address(store, name), {}));
    });
    all.play("get by name of an object of the requester's node, " + bytes, false, [&](Scenes& scene) {
      const std::string name = scene.name(1);
      scene.made(1, size, name);
      scene.from_now();
      EXPECT_TRUE(scene.at(0).get(Address(store, name), {}));
    });
  }
  all.play("get by handle of a large object", false, [](Scenes& scene) {
    const Key key = scene.made(2, large);
    scene.from_now();
    EXPECT_TRUE(scene.at(0).get(Address(key, 0, large), {}));
  });
  all.play("get of what is not there: by key, by name, of a handle whose name has another generation", false,
           [](Scenes& scene) {
             const std::string name = scene.name(1);
             Key key = scene.made(2, small, name);
             EXPECT_TRUE(scene.at(2).evict(Address(key), {}));
             scene.made(2, small, name);
             scene.from_now();
             EXPECT_EQ(code_of(scene.at(0).get(Address(key), {})), Errc::not_found);
             EXPECT_EQ(code_of(scene.at(0).get(Address(key, name_hash(store, name)), {})), Errc::stale);
             EXPECT_EQ(code_of(scene.at(0).get(Address(store, scene.name(1) + "not"), {})), Errc::not_found);
           });
  all.play("exists by key and by name", false, [](Scenes& scene) {
    const std::string name = scene.name(1);
    const Key key = scene.made(2, small, name);
    scene.from_now();
    EXPECT_TRUE(scene.at(0).exists(Address(key), {}).value());
    EXPECT_TRUE(scene.at(0).exists(Address(store, name), {}).value());
  });
  all.play("get of a part, of a hyperslab, of what an object says of itself", false, [](Scenes& scene) {
    const Key key = scene.made_array(2);
    scene.from_now();
    EXPECT_TRUE(scene.at(0).get_some(Address(key), ByteRange{8, 16}, {}));
    EXPECT_TRUE(scene.at(0).get_some(Address(key),
                                     Elements{{.start = {1, 2}, .count = {2, 3}, .stride = {2, 1}}, 2}, {}));
    EXPECT_TRUE(scene.at(0).get_some(Address(key), Facts(), {}));
    EXPECT_EQ(code_of(scene.at(0).get_some(Address(key), ByteRange{100, 100}, {})), Errc::invalid_argument);
  });
  all.play("list the names of a store", false, [](Scenes& scene) {
    scene.made(2, small, scene.name(1));
    scene.from_now();
    EXPECT_EQ(scene.at(0).list(store, "na", {})->size(), 1U);
  });
  all.play("wait for a name", false, [](Scenes& scene) {
    const std::string name = scene.name(1);
    scene.from_now();
    std::optional<Result<ObjectView>> got;
    scene.network().start(
        [&] { got = scene.at(0).wait(Address(store, name), scene.network().now() + 10s, {}); });
    scene.network().run_for(20ms);
    scene.network().start([&] { scene.made(2, small, name); });
    scene.network().run_for(1s);
    EXPECT_TRUE(got && *got);
  });
  all.play("wait for a promise", false, [](Scenes& scene) {
    RankStores stores(scene.world());
    auto promise = stores[2].promise<double[]>().value();
    scene.from_now();
    bool got = false;
    scene.network().start([&] {
      got = stores.session(0)
                .proxy<double[]>(promise.proxy().handle())
                .get(scene.network().now() + 10s)
                .has_value();
    });
    scene.network().run_for(20ms);
    scene.network().start([&] { EXPECT_TRUE(promise.set(std::vector<double>{1, 2, 3})); });
    scene.network().run_for(1s);
    EXPECT_TRUE(got);
  });
}

void play_evictions(Scenes& all) {
  all.play("evict by key an object of another node that has a name there", false, [](Scenes& scene) {
    const Key key = scene.made(2, small, scene.name(1));
    scene.from_now();
    EXPECT_TRUE(scene.at(0).evict(Address(key), {}).value());
    EXPECT_FALSE(scene.at(0).evict(Address(key), {}).value());
  });
  all.play("evict by key an object of another node whose name is at home here", false, [](Scenes& scene) {
    const Key key = scene.made(2, small, scene.name(0));
    scene.from_now();
    EXPECT_TRUE(scene.at(0).evict(Address(key), {}).value());
  });
  all.play("evict by a name of another node an object of the requester's node", false, [](Scenes& scene) {
    const std::string name = scene.name(1);
    scene.made(0, large, name);
    scene.from_now();
    EXPECT_TRUE(scene.at(1).evict(Address(store, name), {}).value());
    EXPECT_FALSE(scene.at(1).evict(Address(store, name), {}).value());
  });
  all.play("evict an object of which another node has a copy", false, [](Scenes& scene) {
    const Key key = scene.made(2, large);
    EXPECT_TRUE(scene.at(0).get(Address(key, 0, large), {}));
    scene.from_now();
    EXPECT_TRUE(scene.at(3).evict(Address(key), {}).value());
  });
}

void play_copies(Scenes& all) {
  all.play("two ranks of a node get the same large object at once", false, [](Scenes& scene) {
    const Key key = scene.made(2, large);
    scene.from_now();
    for (const int reader : {0, 1}) {
      scene.network().start(
          [&scene, key, reader] { EXPECT_TRUE(scene.at(reader).get(Address(key, 0, large), {})); });
    }
    scene.network().run_for(50ms);
  });
  all.play("get of a copy whose lease is over", false, [](Scenes& scene) {
    const Key key = scene.made(2, large);
    EXPECT_TRUE(scene.at(0).get(Address(key, 0, large), {}));
    scene.network().run_for(2s);
    scene.from_now();
    EXPECT_TRUE(scene.at(0).get(Address(key, 0, large), {}));
  });
  all.play("a one-sided read", true, [](Scenes& scene) {
    const Key key = scene.made(2, large);
    scene.from_now();
    EXPECT_TRUE(scene.at(0).get(Address(key, 0, large), {}));
  });
  all.play("a one-sided read whose end was not received", true, [](Scenes& scene) {
    const Key key = scene.made(2, large);
    scene.from_now();
    scene.network().on_message([](int, int, std::span<const std::byte> header) {
      return Verdict{header[0] == static_cast<std::byte>(Kind::end_read) ? Fate::drop : Fate::deliver};
    });
    EXPECT_TRUE(scene.at(0).get(Address(key, 0, large), {}));
    scene.network().run_for(3s);
  });
}

void play_batches(Scenes& all) {
  all.play("get a batch by key: small, large, absent; and their facts", false, [](Scenes& scene) {
    std::vector<Address> addresses{Address(scene.made(2, small)), Address(scene.made(3, large)),
                                   Address(Key{store, 2, std::uint64_t{9} << 32U})};
    scene.from_now();
    for (const Wanting wanting : {Wanting::all, Wanting::facts}) {
      std::vector<Result<ObjectView>> found(addresses.size(), no_memory_left());
      scene.at(0).find_batch(addresses, wanting, found, {});
      EXPECT_TRUE(found[0] && found[1]);
      EXPECT_FALSE(found[2]);
    }
  });
  all.play("put, get and evict a batch by name", false, [](Scenes& scene) {
    std::vector<std::string> names;
    for (const char* const each : {"one ", "two ", "three "}) {
      names.push_back(scene.world().name_at(1, store, each));
    }
    scene.made(2, small, names[2]);
    std::vector<ObjectDraft> drafts;
    std::vector<Address> addresses;
    for (const std::string& name : names) {
      drafts.push_back(scene.at(0).create(small, plain_meta(store, name), {}).value());
      std::ranges::copy(pattern(1, small), drafts.back().bytes.begin());
      addresses.emplace_back(store, name);
    }
    scene.from_now();
    std::vector<Result<Sealed>> sealed(drafts.size(), no_memory_left());
    scene.at(0).seal_batch(drafts, sealed, {});
    EXPECT_TRUE(sealed[0] && sealed[1]);
    EXPECT_EQ(code_of(sealed[2]), Errc::key_exists);
    std::vector<Result<ObjectView>> found(names.size(), no_memory_left());
    scene.at(0).find_batch(addresses, Wanting::all, found, {});
    EXPECT_TRUE(found[0] && found[1] && found[2]);
    found.clear();
    std::vector<Result<bool>> gone(names.size(), no_memory_left());
    scene.at(0).evict_batch(addresses, gone, {});
    EXPECT_TRUE(gone[0].value() && gone[1].value() && gone[2].value());
  });
  all.play("evict a batch by key", false, [](Scenes& scene) {
    const std::vector<Address> addresses{Address(scene.made(2, small)), Address(scene.made(3, small)),
                                         Address(Key{store, 2, std::uint64_t{9} << 32U})};
    scene.from_now();
    std::vector<Result<bool>> gone(addresses.size(), no_memory_left());
    scene.at(0).evict_batch(addresses, gone, {});
    EXPECT_TRUE(gone[0].value() && gone[1].value() && !gone[2].value());
  });
}

void play_losses(Scenes& all) {
  all.play("a rank that owes a reply is silent", false, [](Scenes& scene) {
    const Key key = scene.made(2, small);
    scene.from_now();
    scene.network().pause(2);
    EXPECT_TRUE(scene.at(0).get(Address(key), scene.network().now() + 10s))
        << "the other rank of its node replies";
  });
  all.play("a rank dies while it replaces a name, and its node peer settles that", false, [](Scenes& scene) {
    const std::string name = scene.name(1);
    scene.made(3, large, name);
    scene.from_now();
    scene.network().set_latency(2, 0, {500ms, 500ms});
    scene.network().start([&] {
      (void)put(scene.at(0), store, name, pattern(2, large), {SealMode::replace, 0});
    });
    scene.network().run_for(100ms);
    scene.nodes().kill(0);
    scene.network().run_for(MortalNodes::adoption + 3s);
    EXPECT_TRUE(holds(scene.at(1).get(Address(store, name), {}).value(), pattern(2, large)));
  });
  all.play("a rank replaces a name in vain, and its node peer asks what became of it", false,
           [](Scenes& scene) {
             const std::string name = scene.name(1);
             scene.made(3, large, name);
             scene.from_now();
             scene.network().pause(2);
             EXPECT_EQ(code_of(put(scene.at(0), store, name, pattern(2, large), {SealMode::replace, 0})),
                       Errc::peer_lost);
             scene.network().start([&] { scene.world().rank(0).links->client()->pause(10s); });
             scene.network().run_for(10s);
           });
}

TEST(GoldenWire, EachKindOfMessageHasTheBytesThatItHad) {
  Scenes scenes;
  play_puts(scenes);
  play_gifts(scenes);
  play_gets(scenes);
  play_evictions(scenes);
  play_copies(scenes);
  play_batches(scenes);
  play_losses(scenes);
  for (std::uint8_t kind = 1; kind <= last_kind; ++kind) {
    EXPECT_TRUE(scenes.kinds().contains(static_cast<Kind>(kind)))
        << "no scene sends " << name_of_kind(static_cast<Kind>(kind));
  }
  expect_golden("wire.txt", scenes.text());
}

}  // namespace
}  // namespace locum::tests::golden_wire_test
