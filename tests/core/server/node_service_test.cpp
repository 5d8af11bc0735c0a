#include "core/server/node_service.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "core/object/internal_stores.hpp"
#include "core/object/object_wire.hpp"
#include "core/ports/wanting.hpp"
#include "tests/core/asked_node.hpp"
#include "tests/core/bent_transport.hpp"
#include "tests/core/connector_samples.hpp"
#include "tests/core/hyperslab_samples.hpp"
#include "tests/core/sanitized.hpp"
#include "tests/core/simulated_nodes.hpp"

namespace locum::node_service_test {
namespace {

using namespace std::chrono_literals;
using tests::Message;
using tests::pattern;

constexpr std::uint32_t store = 7;
constexpr int asked = 0;    // the node that replies
constexpr int hostile = 1;  // sends it any request
constexpr int bystander = 2;

/// Three nodes of one rank each, one of which replaces correct messages by any bytes.
class NodeServiceTest : public ::testing::Test {
 protected:
  struct ReceivedReply {
    int times = 0;
    Errc status{};
  };
  struct Guarded {
    Key key;
    std::string name;
    std::vector<std::byte> bytes;
  };

  NodeServiceTest() {
    world_.network().on_message([this](int from, int to, std::span<const std::byte> header) {
      Envelope envelope;
      std::memcpy(&envelope, header.data(), sizeof envelope);
      if (from == asked && to == hostile && envelope.kind == Kind::reply) {
        ReceivedReply& reply = replies_[envelope.call];
        ++reply.times;
        reply.status = static_cast<Errc>(envelope.status);
      }
      return loopback::Verdict{};
    });
    for (const int maker : {asked, bystander}) {
      for (const std::size_t size : {10U, 4096U, 10'000U}) {
        for (const int home : {asked, bystander}) {
          guard(maker, size,
                world_.name_at(home, store, "guarded " + std::to_string(maker * 100'000 + size) + "."));
        }
        guard(maker, size, {});
      }
    }
  }

  // A closing rank replies to those that still wait.
  ~NodeServiceTest() override { world_.network().on_message({}); }

  void guard(int maker, std::size_t size, const std::string& name) {
    const auto bytes = pattern(guarded_.size(), size);
    const auto sealed = tests::put(world_.connector(maker), store, name, bytes);
    ASSERT_TRUE(sealed) << sealed.error();
    guarded_.push_back({sealed->key, name, bytes});
  }

  void say(Message message) {
    Envelope envelope = message.envelope();
    envelope.call = ++last_call_;
    envelope.version = wire_version;
    envelope.incarnation = 42;
    message.set_envelope(envelope);
    message.to = asked;
    EXPECT_TRUE(bent_.say(std::move(message)));
  }
  /// The reply to a message of the hostile rank.
  ReceivedReply ask(Message message) {
    say(std::move(message));
    (void)world_.network().run_until([&] { return replies_[last_call_].times > 0; },
                                     world_.network().now() + 60s);
    return replies_[last_call_];
  }
  ReceivedReply ask(Kind kind, std::span<const std::byte> body, std::span<const std::byte> bulk = {}) {
    Message message{asked, std::vector<std::byte>(sizeof(Envelope)), {bulk.begin(), bulk.end()}};
    message.set_envelope({.kind = kind});
    message.set_body(body);
    return ask(std::move(message));
  }

  /// Valid requests of the hostile rank, for its own objects and names.
  std::vector<Message> honest_questions() {
    std::vector<Message> requests;
    bent_.record = [&](const Message& message) {
      if (message.to == asked && message.envelope().kind != Kind::reply) {
        requests.push_back(message);
      }
    };
    Connector& own = world_.connector(hostile);
    Connector& other = world_.connector(asked);
    for (const std::size_t size : {0U, 64U, 4000U, 5000U}) {
      const std::string name = world_.name_at(asked, store, "own " + std::to_string(size) + ".");
      const auto first = tests::put(own, store, name, pattern(1, size));
      EXPECT_TRUE(first);
      EXPECT_TRUE(tests::put(own, store, name, pattern(2, size),
                             {SealMode::replace, size == 64 ? first->generation : 0}));
      const std::string given = world_.name_at(asked, store, "given " + std::to_string(size) + ".");
      EXPECT_TRUE(tests::put_at_home(own, store, given, pattern(1, size)));
      EXPECT_TRUE(own.evict(Address(store, given), {}).value());
      EXPECT_TRUE(own.exists(Address(store, name), {}).value());
      EXPECT_TRUE(own.get(Address(store, name), {}));
      EXPECT_FALSE(own.get(Address(first->key, name_hash(store, name)), {}));
      const auto foreign = tests::put(other, store, {}, pattern(3, size));
      EXPECT_TRUE(own.get(Address(foreign->key), {}));
      EXPECT_TRUE(own.exists(Address(foreign->key), {}).value());
      if (size > 0) {
        EXPECT_TRUE(own.get_some(Address(foreign->key), ByteRange{size / 4, size / 2}, {}));
      }
      const auto array = tests::put(other, store, {}, {.extents = {2, size}, .bytes = pattern(4, 2 * size)});
      EXPECT_EQ(own.get_some(Address(array->key),
                             Elements{{.start = {0, 1}, .count = {2, 3}, .stride = {1, 2}}, 1}, {})
                    .has_value(),
                size > 0);
      EXPECT_TRUE(own.evict(Address(array->key), {}).value());
      EXPECT_TRUE(own.evict(Address(foreign->key), {}).value());
      EXPECT_TRUE(own.list(store, "own", {}));
      EXPECT_TRUE(own.wait(Address(store, name), {}));
      EXPECT_TRUE(own.evict(Address(store, name), {}).value());
    }
    batches(own, other);
    bent_.record = nullptr;
    return requests;
  }

  /// Batches of objects that `own` and `other` make.
  void batches(Connector& own, Connector& other) {
    std::vector<ObjectDraft> drafts;
    std::vector<std::string> names;
    std::vector<Address> by_key;
    std::vector<Address> by_name;
    for (const std::size_t size : {0U, 64U, 4000U, 5000U}) {
      names.push_back(world_.name_at(asked, store, "batch " + std::to_string(size) + "."));
      drafts.push_back(own.create(size, tests::plain_meta(store, names.back()), {}).value());
      std::ranges::fill(drafts.back().bytes, std::byte{1});
      by_key.emplace_back(tests::put(other, store, {}, pattern(5, size)).value().key);
    }
    for (const std::string& name : names) {
      by_name.emplace_back(store, name);
    }
    std::vector<Result<Sealed>> sealed(drafts.size(), no_memory_left());
    own.seal_batch(drafts, sealed, {});
    std::vector<Result<ObjectView>> found(drafts.size(), no_memory_left());
    std::vector<Result<bool>> gone(drafts.size(), no_memory_left());
    for (const auto* const all : {&by_key, &by_name}) {
      for (const Wanting wanting : {Wanting::all, Wanting::facts}) {
        own.find_batch(*all, wanting, found, {});
        EXPECT_TRUE(std::ranges::all_of(found, [](const auto& one) { return one.has_value(); }));
      }
      found.assign(drafts.size(), no_memory_left());
      own.evict_batch(*all, gone, {});
      EXPECT_TRUE(std::ranges::all_of(gone, [](const auto& one) { return one && *one; }));
    }
    EXPECT_TRUE(std::ranges::all_of(sealed, [](const auto& one) { return one.has_value(); }));
  }

  /// Whether this request may change the guarded objects: any rank may evict, by key or name.
  [[nodiscard]] bool may_touch(const Message& message) const {
    const auto key = read_words<KeyWords>(message.body());
    return std::any_of(guarded_.begin(), guarded_.end(), [&](const Guarded& each) {
      const auto name = std::as_bytes(std::span(each.name));
      const auto by_key = words(each.key);
      return (message.envelope().kind == Kind::evict && key && key->key == each.key) ||
             (message.envelope().kind == Kind::evict_batch &&
              !std::ranges::search(message.bulk, by_key).empty()) ||
             (!name.empty() && std::search(message.bulk.begin(), message.bulk.end(), name.begin(),
                                           name.end()) != message.bulk.end());
    });
  }
  /// Whether all guarded objects are unchanged: checked directly, without a message.
  [[nodiscard]] ::testing::AssertionResult in_place() {
    for (const Guarded& each : guarded_) {
      const auto& owner = world_.rank(static_cast<int>(each.key.creator)).process;
      const auto pin = owner.table->pin(each.key);
      if (!pin) {
        return ::testing::AssertionFailure() << to_string(each.key) << " is gone: " << each.name;
      }
      owner.table->release(pin->id);
      if (!each.name.empty()) {
        const auto named =
            world_.rank(world_.home(store, each.name)).process.directory->find(store, each.name);
        if (!named) {
          return ::testing::AssertionFailure() << "the name is gone: " << each.name;
        }
        world_.rank(world_.home(store, each.name)).process.table->release(named->id);
      }
    }
    return ::testing::AssertionSuccess();
  }
  void expect_guarded_is_read_everywhere() {
    for (int reader = 0; reader < world_.size(); ++reader) {
      for (const Guarded& each : guarded_) {
        const Address address = each.name.empty() ? Address(each.key) : Address(store, each.name);
        const auto view = world_.connector(reader).get(address, {});
        ASSERT_TRUE(view) << each.name << ": " << view.error();
        EXPECT_TRUE(tests::holds(*view, each.bytes));
        EXPECT_EQ(view->key(), each.key);
      }
    }
  }
  /// Valid words of a bind at node `asked`, and the block that belongs to them.
  [[nodiscard]] BindWords bind_words(const std::string& name, std::vector<std::byte>& block) const {
    BindWords bind;
    bind.object.key = {store, hostile, 1'000'000};
    bind.object.record.size_bytes = 64;
    bind.object.record.store = store;
    bind.object.record.name_bytes = static_cast<std::uint32_t>(name.size()) & 0x1FFFFU;
    bind.object.record.name_hash = name_hash(store, name);
    bind.object.record.type_name_bytes = 6;
    bind.object.record.type_hash = text_hash("byte[]");
    bind.value = BindWords::sent;
    block.resize(bind.object.record.block_bytes());
    write_tail(block.data(), bind.object.record, {.extents = {}, .type_name = "byte[]", .name = name});
    return bind;
  }

  /// Words that may pass every check of form, and a block with their size and name and otherwise random
  /// content.
  static void forge(ObjectRecord& record, std::vector<std::byte>& block, const std::string& name,
                    tests::Spoiler& spoiler) {
    record.size_bytes = spoiler.below(300);
    record.rank = static_cast<std::uint8_t>(spoiler.below(10)) & 0xFU;
    record.extra_words = static_cast<std::uint8_t>(spoiler.below(8) == 0 ? spoiler.below(16) : 0) & 0xFU;
    record.layout = static_cast<Layout>(spoiler.below(5));
    record.type_name_bytes =
        static_cast<std::uint16_t>(spoiler.below(4) == 0 ? spoiler.below(65536) : spoiler.below(40));
    record.type_hash = spoiler.below(4) == 0 ? reference_type_hash : record.type_hash;
    block.resize(record.block_bytes());
    for (std::byte& byte : block) {
      byte = static_cast<std::byte>(spoiler.below(256));
    }
    std::memcpy(block.data() + block.size() - name.size(), name.data(), name.size());
  }

  tests::Liars liars_{hostile};
  tests::SimulatedNodes world_{{.nodes = {.nodes = 3, .timeout = 5s}, .network = {}, .wrap = liars_.wrap()}};
  tests::BentTransport& bent_ = liars_[hostile];
  std::map<std::uint32_t, ReceivedReply> replies_;
  std::uint32_t last_call_ = 1U << 30U;
  std::vector<Guarded> guarded_;
};

// Each gets one reply, and changes only what it names.
TEST_F(NodeServiceTest, AnswersSpoiledQuestionsAndKeepsWhatTheyDoNotMean) {
  constexpr int mutants = tests::sanitized ? 2'000 : 10'000;
  const std::vector<Message> requests = honest_questions();
  ASSERT_GT(requests.size(), 30U);
  expect_guarded_is_read_everywhere();  // reading large objects leaves copies, and lists of their nodes
  world_.network().run_until_idle();
  const MemoryUsage before = world_.connector(asked).usage();
  tests::Spoiler spoiler(1);
  int granted = 0;
  int tried = 0;
  while (tried < mutants) {
    Message message = requests[spoiler.below(requests.size())];
    if (spoiler.below(8) == 0) {
      Envelope envelope = message.envelope();
      envelope.kind = static_cast<Kind>(2 + spoiler.below(last_kind - 1U));
      message.set_envelope(envelope);
    }
    spoiler.spoil(message, requests);
    if (may_touch(message)) {
      continue;
    }
    ++tried;
    const int kind = static_cast<int>(message.envelope().kind);
    const ReceivedReply reply = ask(std::move(message));
    if (kind != static_cast<int>(Kind::await) &&     // may wait for ever
        kind != static_cast<int>(Kind::together)) {  // has no reply of its own
      ASSERT_EQ(reply.times, 1) << "mutant " << tried << ", kind " << kind;
    }
    granted += reply.status == Errc{} ? 1 : 0;
    ASSERT_TRUE(in_place()) << "mutant " << tried << ", kind " << kind;
    if (tried % 1000 == 0) {
      world_.network().run_until_idle();
      bent_.forget();
      const auto names = world_.rank(asked).process.directory->names(store, {});
      ASSERT_TRUE(names);
      for (const std::string& name : *names) {
        EXPECT_EQ(world_.home(store, name), asked) << "a name that no look-up can find";
      }
    }
  }
  EXPECT_GT(granted, mutants / 100) << "the damage is so coarse that only the first check is tested";
  EXPECT_LT(granted, mutants * 99 / 100);
  expect_guarded_is_read_everywhere();
  RecordProperty("mutants", mutants);
  RecordProperty("granted", granted);

  // Granted binds are bound to names of the hostile rank, and leave nothing behind.
  const auto own = world_.connector(asked).list(store, {}, {});
  ASSERT_TRUE(own) << own.error();
  for (const std::string& name : *own) {
    if (!name.starts_with("guarded ")) {
      EXPECT_TRUE(world_.connector(asked).evict(Address(store, name), {}));
    }
  }
  world_.network().run_until_idle();
  const MemoryUsage after = world_.connector(asked).usage();
  EXPECT_EQ(after.own_pinned, 0U);
  EXPECT_EQ(after.own_objects, before.own_objects);
  EXPECT_EQ(after.own_used, before.own_used);
  EXPECT_EQ(world_.rank(asked).links->requests_of(hostile), 0U);
}

// Words that pass every check of form, and blocks with wrong content: they may be kept, and a reader gets an
// object of that name or an error.
TEST_F(NodeServiceTest, ReadersSurviveObjectsThatLieAboutThemselves) {
  tests::Spoiler spoiler(2);
  int read = 0;
  for (int round = 0; round < 3000; ++round) {
    const std::string name = world_.name_at(asked, store, "lie " + std::to_string(round) + ".");
    std::vector<std::byte> block;
    BindWords bind = bind_words(name, block);
    const bool lies = round % 4 != 0;
    if (lies) {
      forge(bind.object.record, block, name, spoiler);
    }
    bind.value = round / 4 % 2 == 0 ? BindWords::sent : BindWords::given;
    const ReceivedReply reply = ask(Kind::bind, words(bind), block);
    ASSERT_EQ(reply.times, 1);
    for (const int reader : {asked, bystander}) {
      const auto view = world_.connector(reader).get(Address(store, name), {});
      if (!view) {
        EXPECT_TRUE(lies) << view.error();
        continue;
      }
      ++read;
      ASSERT_EQ(reply.status, Errc{});
      const ObjectFacts facts = view->facts();
      EXPECT_TRUE(facts.whole);
      EXPECT_EQ(facts.name, name);
      EXPECT_EQ(facts.type_name, "byte[]");
      EXPECT_TRUE(std::ranges::equal(view->bytes(), std::span(block).first(bind.object.record.size_bytes)));
    }
  }
  EXPECT_GE(read, 2 * 3000 / 4);
  EXPECT_TRUE(in_place());
}

// A rank that waits for ever more names, with unlimited patience.
TEST_F(NodeServiceTest, HoldsABoundedNumberOfWaitsForOneRank) {
  const Links& links = *world_.rank(asked).links;
  std::vector<std::string> names;
  for (int number = 0; number < 3200; ++number) {
    names.push_back(world_.name_at(asked, store, "unborn " + std::to_string(number) + "."));
  }
  const AwaitWords patient{.store = store, .patience_ns = ~std::uint64_t{0}};
  for (const std::string& name : names) {
    Message message{asked, std::vector<std::byte>(sizeof(Envelope)), {}};
    const auto text = std::as_bytes(std::span(name));
    message.bulk.assign(text.begin(), text.end());
    message.set_envelope({.kind = Kind::await});
    message.set_body(words(patient));
    say(std::move(message));
  }
  world_.network().run_for(1s);
  EXPECT_EQ(links.awaited(), NameWaiters::most_of_rank);
  EXPECT_EQ(replies_[last_call_].status, Errc::out_of_memory);
  EXPECT_EQ(ask(Kind::await, words(AwaitWords{.store = store}), {}).status, Errc::invalid_argument);
  ASSERT_TRUE(tests::put(world_.connector(bystander), store, names[3], pattern(3, 10)));
  world_.network().run_for(1s);
  EXPECT_EQ(links.awaited(), NameWaiters::most_of_rank - 1);
  EXPECT_EQ(world_.connector(bystander).wait(Address(store, names[3]), {})->bytes().size(), 10U)
      << "others are served";
  const std::string elsewhere = world_.name_at(bystander, store, "elsewhere ");
  EXPECT_EQ(ask(Kind::await, words(patient), std::as_bytes(std::span(elsewhere))).status,
            Errc::invalid_argument);
  EXPECT_TRUE(in_place());
}

// A reply to `list` is allocated for one request, and kept until it has been read.
TEST_F(NodeServiceTest, KeepsABoundedNumberOfBytesOfListsThatNobodyReads) {
  constexpr std::size_t name_bytes = 60'000;
  constexpr int names = 250;  // 15 MB
  constexpr int most = 4;     // such lists are less than 64 MiB
  Connector& owner = world_.connector(asked);
  for (int number = 0; number < names; ++number) {
    const std::string stem = std::string(name_bytes, 'n') + std::to_string(number) + ".";
    ASSERT_TRUE(tests::put(owner, store, world_.name_at(asked, store, stem), pattern(1, 8)));
  }
  const auto list = [&] {
    Message message{asked, std::vector<std::byte>(sizeof(Envelope)), {std::byte{'n'}}};
    message.set_envelope({.kind = Kind::list});
    message.set_body(words(NameWords{.store = store}));
    say(message);
  };
  world_.network().pause(hostile);
  for (int asks = 0; asks < 3 * most; ++asks) {
    list();
  }
  world_.network().run_for(1s);
  int given = 0;
  for (const auto& [call, reply] : replies_) {
    given += reply.status == Errc{} ? 1 : 0;
    EXPECT_TRUE(reply.status == Errc{} || reply.status == Errc::out_of_memory);
  }
  EXPECT_EQ(replies_.size(), static_cast<std::size_t>(3 * most));
  EXPECT_EQ(given, most);
  const std::byte prefix{'n'};
  const auto others = tests::ask(*world_.rank(bystander).links->client(), asked, Kind::list,
                                 words(NameWords{.store = store}), {std::span(&prefix, 1), nullptr}, {});
  ASSERT_TRUE(others) << others.error();
  EXPECT_GT(others->block_bytes, names * name_bytes) << "other ranks are served";
  world_.network().resume(hostile);
  world_.network().run_for(1s);
  list();
  world_.network().run_for(1s);
  EXPECT_EQ(replies_[last_call_].status, Errc{}) << "they have been read";
  EXPECT_TRUE(in_place());
}

// No call waits for these any more, and their numbers are free again.
TEST_F(NodeServiceTest, ForgetsNumbersOfWaitsThatAreOverdue) {
  const std::string name = world_.name_at(asked, store, "unborn");
  const auto text = std::as_bytes(std::span(name));
  Message wait{asked, std::vector<std::byte>(sizeof(Envelope)), {text.begin(), text.end()}};
  wait.set_envelope({.kind = Kind::await});
  wait.set_body(words(AwaitWords{.store = store, .patience_ns = 1'000'000}));
  say(wait);
  world_.network().run_for(1s);
  --last_call_;
  const Metrics& metrics = *world_.rank(asked).metrics;
  EXPECT_EQ(metrics.turned_away, 0U);
  say(wait);
  world_.network().run_for(1s);
  EXPECT_EQ(metrics.turned_away, 1U) << "a wait that is not yet overdue";
  ASSERT_TRUE(tests::put(world_.connector(bystander), store, name, pattern(3, 10)));
  world_.network().run_for(1s);
  EXPECT_EQ(world_.rank(asked).links->awaited(), 0U);
  --last_call_;
  EXPECT_EQ(ask(wait).times, 1);
  EXPECT_EQ(metrics.turned_away, 1U);
}

TEST_F(NodeServiceTest, BelievesNobodysDeathButOfThePeersOnTheAskersNode) {
  const Links& links = *world_.rank(asked).links;
  for (std::uint32_t dead = 0; dead < static_cast<std::uint32_t>(world_.size()); ++dead) {
    EXPECT_EQ(ask(Kind::death_notice, words(RankWords{dead})).status, Errc::invalid_argument) << dead;
    EXPECT_FALSE(links.is_lost(static_cast<int>(dead)));
  }
  EXPECT_EQ(ask(Kind::death_notice, words(RankWords{~0U})).status, Errc::invalid_argument);
  EXPECT_EQ(ask(Kind::death_notice, {}).status, Errc::invalid_argument);
  EXPECT_TRUE(in_place());
}

TEST_F(NodeServiceTest, BindsForTheAskersOwnObjectsOnly) {
  const std::string name = world_.name_at(asked, store, "bound ");
  std::vector<std::byte> block;
  for (const std::uint32_t creator : {0U, 2U, 3U, ~0U}) {
    BindWords bind = bind_words(name, block);
    bind.object.key = guarded_[0].key;
    bind.object.key.creator = creator;
    EXPECT_EQ(ask(Kind::bind, words(bind), block).status, Errc::invalid_argument) << creator;
  }
  EXPECT_EQ(ask(Kind::bind, words(bind_words(name, block)), block).status, Errc{});
  const auto view = world_.connector(bystander).get(Address(store, name), {});
  ASSERT_TRUE(view) << view.error();
  EXPECT_EQ(view->facts().name, name);
}

TEST_F(NodeServiceTest, RefusesWhatNamesOfAnotherHomeAreAskedFor) {
  const std::string name = world_.name_at(bystander, store, "elsewhere ");
  std::vector<std::byte> block;
  const BindWords bind = bind_words(name, block);
  const auto text = std::as_bytes(std::span(name));
  EXPECT_EQ(ask(Kind::bind, words(bind), block).status, Errc::invalid_argument);
  EXPECT_EQ(ask(Kind::look_up, words(NameWords{.store = store}), text).status, Errc::invalid_argument);
  EXPECT_EQ(ask(Kind::unbind, words(UnbindWords{.only = {}, .store = store}), text).status,
            Errc::invalid_argument);
  EXPECT_TRUE(world_.rank(asked).process.directory->names(store, "elsewhere")->empty());
}

TEST_F(NodeServiceTest, LetsOnlyTheHomeOfItsNameRetireAnObject) {
  for (const Guarded& each : guarded_) {
    if (each.key.creator == asked) {
      EXPECT_NE(ask(Kind::retire, words(KeyWords{each.key})).times, 0);
    }
  }
  EXPECT_TRUE(in_place());
}

// The keys of references, which this node keeps for objects of others, are easily guessed.
TEST_F(NodeServiceTest, NobodyReachesReferencesByKey) {
  const auto table = world_.rank(asked).process.table;
  int references = 0;
  for (const Key& key : table->keys(store, Whose::own)) {
    const auto pin = table->pin(key);
    ASSERT_TRUE(pin);
    if (pin->record->type_hash == reference_type_hash) {
      ++references;
      EXPECT_EQ(ask(Kind::fetch, words(FetchWords{key})).status, Errc::not_found);
      EXPECT_EQ(ask(Kind::exists, words(KeyWords{key})).status, Errc::not_found);
      EXPECT_EQ(ask(Kind::describe, words(KeyWords{key})).status, Errc::not_found);
      EXPECT_NE(ask(Kind::evict, words(KeyWords{key})).times, 0);
      EXPECT_NE(ask(Kind::retire, words(KeyWords{key})).times, 0);
    }
    table->release(pin->id);
  }
  EXPECT_EQ(references, 3);
  EXPECT_TRUE(in_place());
}

// Copies, and the lists of their nodes, belong to their node alone.
TEST_F(NodeServiceTest, NobodyReachesCopiesOrListsOfThem) {
  expect_guarded_is_read_everywhere();
  const auto process = world_.rank(asked).process;
  (void)world_.rank(asked).links->copies().fenced->fence(1 - asked);
  for (const std::uint32_t internal : {copies_store, copy_sets_store, fences_store}) {
    const std::vector<Key> keys = process.table->keys(internal, Whose::own);
    EXPECT_FALSE(keys.empty());
    for (const Key& key : keys) {
      EXPECT_EQ(ask(Kind::fetch, words(FetchWords{key})).status, Errc::not_found);
      for (const Kind kind : {Kind::exists, Kind::copy, Kind::describe}) {
        EXPECT_EQ(ask(kind, words(KeyWords{key})).status, Errc::not_found);
      }
      EXPECT_NE(ask(Kind::evict, words(KeyWords{key})).times, 0);
      EXPECT_NE(ask(Kind::retire, words(KeyWords{key})).times, 0);
    }
    const auto names = process.directory->names(internal, {});
    ASSERT_TRUE(names);
    for (const std::string& name : *names) {
      const auto text = std::as_bytes(std::span(name));
      EXPECT_EQ(ask(Kind::look_up, words(NameWords{.store = internal}), text).status, Errc::invalid_argument);
      EXPECT_EQ(ask(Kind::unbind, words(UnbindWords{.only = {}, .store = internal}), text).status,
                Errc::invalid_argument);
    }
    EXPECT_EQ(ask(Kind::list, words(NameWords{.store = internal})).status, Errc::invalid_argument);
    EXPECT_EQ(process.table->keys(internal, Whose::own), keys);
  }
}

// Only the node of an object knows that it is gone, and only ranks of one node share flights.
TEST_F(NodeServiceTest, LetsOnlyTheOwnersNodeInvalidateACopyAndOnlyNodeMatesJoin) {
  expect_guarded_is_read_everywhere();
  const auto copies = world_.rank(asked).process.table->keys(copies_store, Whose::own);
  EXPECT_FALSE(copies.empty());
  for (const Guarded& each : guarded_) {
    EXPECT_EQ(ask(Kind::invalidate, words(KeyWords{each.key})).status, Errc::invalid_argument);
    EXPECT_EQ(ask(Kind::join, words(JoinWords{each.key, 1})).status, Errc::invalid_argument);
  }
  EXPECT_EQ(world_.rank(asked).process.table->keys(copies_store, Whose::own), copies);
}

// An object kept at the home is read in place there: it must be aligned for its elements.
TEST_F(NodeServiceTest, KeepsBlocksAsAlignedAsTheirSizeAsks) {
  for (const std::size_t size : {128U, 256U, 1024U, 2048U}) {
    const std::string name = world_.name_at(asked, store, "aligned " + std::to_string(size) + ".");
    ASSERT_TRUE(tests::put(world_.connector(hostile), store, name, pattern(size, size)));
    const auto view = world_.connector(asked).get(Address(store, name), {});
    ASSERT_TRUE(view) << view.error();
    EXPECT_EQ(view->path(), Path::shm_view);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(view->bytes().data()) % size, 0U);
  }
}

}  // namespace
}  // namespace locum::node_service_test
