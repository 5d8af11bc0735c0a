#include "core/session.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "core/object/internal_stores.hpp"
#include "core/promise.hpp"
#include "core/store.hpp"
#include "tests/core/code_of.hpp"
#include "tests/core/session_fixture.hpp"

namespace locum {
namespace {

using namespace std::chrono_literals;
using tests::SessionFixture;

using tests::code_of;

/// A second session over the same connector, which acts as another rank.
std::shared_ptr<Session> neighbour(const SessionFixture& one) {
  SessionOptions options = one.session->options();
  options.rank = 1;
  return std::make_shared<Session>(one.connector, std::make_shared<Metrics>(), options);
}

TEST(Session, OpensOneStorePerName) {
  const SessionFixture one;
  Store first = one.store("fields");
  Store again = one.store("fields");
  Store other = one.store("others");
  EXPECT_EQ(first.number(), again.number());
  EXPECT_NE(first.number(), other.number());
  EXPECT_NE(first.number(), 0U);
  EXPECT_EQ(first.name(), "fields");
  const Key key = first.put(1).value();
  EXPECT_EQ(*again.get<int>(key).value(), 1);
  EXPECT_EQ(one.session->number_of("fields").value(), first.number());
  EXPECT_EQ(code_of(one.session->number_of("nobody's")), Errc::not_found);
}

TEST(Session, SharesStoresWithOtherRanks) {
  const SessionFixture one;
  const auto two = neighbour(one);
  Store here = one.store("fields");
  Store there = two->open("fields").value();
  EXPECT_EQ(here.number(), there.number());
  here.put("x", 5).value();
  EXPECT_EQ(*there.get<int>("x").value(), 5);
  const auto missing = there.get<int>("y");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().rank(), 1);
}

TEST(Session, RefusesOtherOptionsUnderTheSameName) {
  const SessionFixture one;
  ASSERT_TRUE(one.session->open("fields", {.timeout = 5ms}));
  const auto refused = neighbour(one)->open("fields", {.timeout = 6ms});
  ASSERT_EQ(code_of(refused), Errc::options_differ);
  EXPECT_NE(refused.error().text().find("5 ms"), std::string::npos) << refused.error();
  EXPECT_EQ(code_of(one.session->open("fields", {.timeout = 5ms, .keep_decoded = false})),
            Errc::options_differ);
  EXPECT_EQ(code_of(one.session->open("fields", {.timeout = 5ms, .checksum = true})), Errc::options_differ);
  EXPECT_TRUE(one.session->open("fields", {.timeout = 5ms}));
}

TEST(Session, TakesTheOptionsInForceWhereNoneAreGiven) {
  const SessionFixture one;
  Store first =
      one.session->open("fields", {.timeout = 5ms, .keep_decoded = false, .checksum = true}).value();
  const auto late = neighbour(one)->open("fields");
  ASSERT_TRUE(late) << late.error();
  EXPECT_EQ(late->number(), first.number());
  EXPECT_EQ(late->options(), first.options());
  EXPECT_EQ(code_of(neighbour(one)->open("fields", {})), Errc::options_differ) << "options were given";
  EXPECT_EQ(one.session->open("others")->options(), StoreOptions()) << "options in force";
  EXPECT_TRUE(neighbour(one)->open("others", {}));
}

// A record that another version of this library has written with a store's name.
TEST(Session, ReadsRecordsOfLaterVersionsAsFarAsItKnowsThem) {
  const SessionFixture one;
  Store first = one.session->open("fields", {.timeout = 5ms, .checksum = true}).value();
  const auto record = one.connector->get(Address(registry, "fields"), {}).value();
  std::vector<std::byte> bytes(record.bytes().begin(), record.bytes().end());
  const ObjectFacts facts = record.facts();
  const auto opened = [&](const std::string& name, const std::vector<std::byte>& as) {
    const ObjectMeta meta{.store = registry,
                          .type_hash = facts.type_hash,
                          .type_name = facts.type_name,
                          .name = name,
                          .extents = {}};
    const auto draft = one.connector->create(as.size(), meta, {}).value();
    std::copy(as.begin(), as.end(), draft.bytes.begin());
    EXPECT_TRUE(one.connector->seal(draft, {}, {}));
    return one.session->open(name);
  };
  const auto same = opened("same", bytes);
  ASSERT_TRUE(same) << same.error();
  EXPECT_EQ(same->options(), first.options());
  bytes.resize(bytes.size() + 24);
  const auto longer = opened("longer", bytes);
  ASSERT_TRUE(longer) << longer.error();
  EXPECT_EQ(longer->options(), first.options());
  bytes.back() = std::byte{1};
  const auto unknown = opened("unknown", bytes);
  EXPECT_EQ(code_of(unknown), Errc::unsupported) << "an option that this version does not have";
  for (std::size_t size = 0; size < record.bytes().size(); ++size) {
    bytes.resize(size);
    if (size != 48) {
      EXPECT_EQ(code_of(opened("short" + std::to_string(size), bytes)), Errc::corrupt) << size;
    }
  }
  bytes.assign(record.bytes().begin(), record.bytes().begin() + 48);
  const auto earlier = opened("earlier", bytes);
  ASSERT_TRUE(earlier) << "the first version had no caches of stores: " << earlier.error();
  EXPECT_EQ(earlier->options(), first.options());
  bytes.assign(record.bytes().begin(), record.bytes().end());
  bytes[0] ^= std::byte{0x40};
  EXPECT_EQ(code_of(opened("other", bytes)), Errc::unsupported) << "another version";
}

TEST(Session, HasANumberOfItsOwn) {
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 20; ++i) {
    seen.insert(SessionFixture().session->options().incarnation);
  }
  EXPECT_EQ(seen.size(), 20U);
  EXPECT_EQ(seen.count(0), 0U);
  const SessionFixture one;
  const SessionFixture two;
  const Handle handle = one.store().put_proxy(5).value().handle();
  EXPECT_EQ(code_of(two.session->proxy<int>(handle).get()), Errc::invalid_argument);
}

TEST(Session, RefusesBadNames) {
  const SessionFixture one;
  EXPECT_EQ(code_of(one.session->open("")), Errc::invalid_argument);
  EXPECT_EQ(code_of(one.session->open(std::string(64 * 1024 + 1, 'x'))), Errc::invalid_argument);
  EXPECT_TRUE(one.session->open(std::string(64 * 1024, 'x')));
}

TEST(Session, LetsManyOpenAtOnce) {
  const SessionFixture one;
  std::vector<std::thread> threads;
  std::array<std::uint32_t, 4> numbers{};
  for (std::uint32_t& number : numbers) {
    threads.emplace_back([&] { number = one.session->open("contested").value().number(); });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(std::set<std::uint32_t>(numbers.begin(), numbers.end()).size(), 1U);
}

TEST(Session, DropsAStoreAndFreesItsName) {
  const SessionFixture one;
  Store old = one.store("fields");
  Store other = one.store("others");
  const Key key = old.put("x", std::vector<int>{5}).value();
  old.put(6).value();
  other.put("kept", 1).value();
  const auto view = old.get<int[]>(key).value();
  EXPECT_EQ(one.session->drop("fields").value(), 2U);
  EXPECT_EQ(view[0], 5);
  EXPECT_EQ(code_of(old.get<int[]>(key)), Errc::closed);
  EXPECT_EQ(code_of(old.put(1)), Errc::closed);
  EXPECT_EQ(code_of(old.keys()), Errc::closed);
  EXPECT_TRUE(other.exists("kept").value());
  EXPECT_EQ(code_of(one.session->drop("fields")), Errc::not_found);
  Store fresh = one.session->open("fields", {.timeout = 9ms}).value();
  EXPECT_NE(fresh.number(), old.number());
  EXPECT_EQ(code_of(fresh.get<int[]>("x")), Errc::not_found);
  EXPECT_EQ(code_of(fresh.get<int[]>(key)), Errc::not_found);
  // A late notification of the first drop does not affect the new store.
  EXPECT_EQ(one.session->drop("fields", old.number()).value(), 0U);
  fresh.put("y", 1).value();
  EXPECT_EQ(one.session->number_of("fields").value(), fresh.number());
}

TEST(Session, RefusesADraftOfADroppedStore) {
  const SessionFixture one;
  Store store = one.store();
  auto writer = store.create<int>("x", {1}).value();
  (void)one.session->drop("fields").value();
  EXPECT_EQ(code_of(writer.seal()), Errc::closed);
  EXPECT_EQ(one.connector->usage().own_objects, 0U);
}

/// Drops the store in the middle of its own put, as another thread might.
struct Saboteur {
  static constexpr std::string_view locum_type_name = "tests.saboteur";

  std::function<void()> act;
  template <class Archive>
  void serialize(Archive& ar) {
    int nothing = 0;
    ar(nothing);
    if (act) {
      act();
    }
  }
};

TEST(Session, LeavesNothingOfAPutThatADropOvertakes) {
  const SessionFixture one;
  Store store = one.store();
  const Saboteur saboteur{[&, again = 0]() mutable {
    if (++again == 2) {  // once the memory is allocated
      (void)one.session->drop("fields").value();
    }
  }};
  EXPECT_EQ(code_of(store.put("x", saboteur)), Errc::closed);
  EXPECT_EQ(one.connector->usage().own_objects, 0U);
  EXPECT_EQ(one.connector->usage().own_used, 0U);
}

TEST(Session, KeepsNoDecodedValuesForAStoreThatWantsNone) {
  const SessionFixture one;
  Store store = one.session->open("fields", {.keep_decoded = false}).value();
  const Key key = store.put(std::vector<std::string>{"a"}).value();
  const auto first = store.get<std::vector<std::string>>(key).value();
  const auto second = store.get<std::vector<std::string>>(key).value();
  EXPECT_NE(first.get(), second.get());
  EXPECT_EQ(one.metrics->decodes, 2U);
  EXPECT_EQ(one.session->report().decoded_bytes, 0U);
}

TEST(Session, KeepsNoDecodedValuesForStandInsOfAStoreThatWantsNone) {
  using Texts = std::vector<std::string>;
  const SessionFixture one;
  const auto next = neighbour(one);  // has not opened the store
  Store store = one.session->open("fields", {.keep_decoded = false}).value();
  const auto put = store.put_proxy(Texts{"a"}).value();
  const auto found = store.proxy<Texts>(put.key()).value();
  auto promise = store.promise<Texts>().value();
  (void)promise.set(Texts{"b"}).value();
  for (const auto& stand_in : {put, found, promise.proxy(), one.session->proxy<Texts>(put.handle())}) {
    EXPECT_EQ(stand_in->size(), 1U);
    EXPECT_EQ(one.session->report().decoded_bytes, 0U);
    EXPECT_EQ(next->proxy<Texts>(stand_in.handle())->size(), 1U);
    EXPECT_EQ(next->report().decoded_bytes, 0U);
  }
  EXPECT_EQ(one.metrics->decodes, 4U);
  // A Handle contains the store's option, and two stand-ins for one object are equal, however they were made.
  EXPECT_EQ(put, found);
  Store keeping = one.session->open("others").value();
  EXPECT_EQ(keeping.put_proxy(Texts{"c"}).value()->size(), 1U);
  EXPECT_NE(one.session->report().decoded_bytes, 0U);
}

// The cache of decoded values removes values that no call can request any more.
class DecodedValues : public testing::Test {
 protected:
  using Texts = std::vector<std::string>;

  [[nodiscard]] std::uint64_t kept() const { return one_.session->report().decoded_bytes; }
  /// Puts and reads a value, which is then in the cache.
  Key decoded(std::string_view name) {
    const Key key = name.empty() ? store_.put(Texts{"a"}).value() : store_.put(name, Texts{"a"}).value();
    (void)store_.get<Texts>(key).value();
    EXPECT_NE(kept(), 0U);
    return key;
  }

  SessionFixture one_;
  Store store_ = one_.store();
};

TEST_F(DecodedValues, GoWhereTheirObjectIsEvicted) {
  EXPECT_TRUE(store_.evict(decoded("")).value());
  EXPECT_EQ(kept(), 0U);
  (void)decoded("x");
  EXPECT_TRUE(store_.evict("x").value());
  EXPECT_EQ(kept(), 0U);
  (void)decoded("x");
  EXPECT_TRUE(store_.evict_async("x").get().value());
  EXPECT_EQ(kept(), 0U);
  EXPECT_TRUE(store_.evict_batch(std::vector{decoded(""), decoded("")}).at(1).value());
  EXPECT_EQ(kept(), 0U);
  (void)decoded("x");
  (void)store_.evict_batch(std::vector<std::string>{"x"});
  EXPECT_EQ(kept(), 0U);
}

TEST_F(DecodedValues, GoWhereAnEvictedObjectIsLookedForAgain) {
  const auto evict_elsewhere = [&](const Address& address) {
    EXPECT_TRUE(one_.connector->evict(address, {}).value());
    EXPECT_NE(kept(), 0U);
  };
  Key key = decoded("");
  evict_elsewhere(Address(key));
  EXPECT_EQ(code_of(store_.get<Texts>(key)), Errc::not_found);
  EXPECT_EQ(kept(), 0U);
  (void)decoded("x");
  evict_elsewhere(Address(store_.number(), "x"));
  EXPECT_EQ(code_of(store_.get<Texts>("x")), Errc::not_found);
  EXPECT_EQ(kept(), 0U);
  key = decoded("x");
  evict_elsewhere(Address(key));
  EXPECT_FALSE(store_.exists("x").value());
  EXPECT_EQ(kept(), 0U);
  key = decoded("");
  evict_elsewhere(Address(key));
  EXPECT_EQ(code_of(store_.get_async<Texts>(key).get()), Errc::not_found);
  EXPECT_EQ(kept(), 0U);
}

TEST_F(DecodedValues, OfAReplacedNameGoWithTheNextOne) {
  (void)decoded("clock");
  const std::uint64_t of_one = kept();
  for (int step = 0; step < 10; ++step) {
    (void)store_.replace("clock", Texts{"a"}).value();
    (void)store_.get<Texts>("clock").value();
  }
  EXPECT_EQ(kept(), of_one);
}

TEST_F(DecodedValues, GoWithTheirStore) {
  (void)decoded("x");
  (void)one_.session->drop("fields").value();
  EXPECT_EQ(kept(), 0U);
}

TEST(Session, ReportsWhatItDidAndHolds) {
  const SessionFixture one({.memory_bytes = 1 << 20}, {.rank = 2, .node = 1});
  Store store = one.store();
  const Key key = store.put(std::vector<double>(100)).value();
  (void)store.get<double[]>(key).value();
  (void)store.get<double[]>("nobody");
  const RankReport report = one.session->report();
  EXPECT_EQ(report.rank, 2);
  EXPECT_EQ(report.node, 1);
  EXPECT_EQ(report.memory.limit, 1U << 20U);
  EXPECT_EQ(report.memory.own_objects, 2U);  // includes the store's own name
  EXPECT_EQ(report.reads[0].operations, 1U);
  EXPECT_EQ(report.reads[0].bytes, 800U);
  EXPECT_EQ(report.writes[1].bytes, 800U);
  EXPECT_EQ(report.misses, 1U);
}

TEST(Session, LetsGoOfDecodedValuesWhenItIsClosed) {
  const SessionFixture one;
  Store store = one.store();
  const Key key = store.put(std::vector<std::string>{"a"}).value();
  const auto view = store.get<std::vector<std::string>>(key).value();
  EXPECT_GT(one.session->report().decoded_bytes, 0U);
  one.session->close();
  EXPECT_EQ(one.session->report().decoded_bytes, 0U);
  EXPECT_EQ(view->at(0), "a");
}

}  // namespace
}  // namespace locum
