#pragma once

// Contract tests of the Connector port: what every connector does, whatever keeps its objects. Those whose
// objects are in memory that they count have more to do: see memory_connector_contract.hpp. Include this file
// in one source file of a test, and instantiate the suite:
//
//   INSTANTIATE_TEST_SUITE_P(Local, ConnectorContract, ::testing::Values(ConnectorFactory{...}));
//
// The factory makes a new connector each time. `memory_bytes` limits its memory; 0 leaves that to the
// factory, which provides at least 64 MiB.

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <ostream>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "core/base/hash.hpp"
#include "core/base/wall_clock.hpp"
#include "core/ports/connector.hpp"
#include "core/ports/directory.hpp"
#include "core/ports/expiring.hpp"
#include "tests/core/connector_model.hpp"
#include "tests/core/connector_samples.hpp"

namespace locum::tests {

struct ConnectorFactory {
  std::string name;
  std::function<std::shared_ptr<Connector>(std::uint64_t memory_bytes)> make;
  bool threads = true;  ///< whether several threads may use it: false in a simulation
  bool remote = false;  ///< whether it asks other nodes, so that a deadline in the past finds nothing

  friend std::ostream& operator<<(std::ostream& out, const ConnectorFactory& factory) {
    return out << factory.name;
  }
};

class ConnectorContract : public ::testing::TestWithParam<ConnectorFactory> {
 protected:
  std::shared_ptr<Connector> connector_ = GetParam().make(0);
};

TEST_P(ConnectorContract, ReturnsWhatWasPutByKeyAndByName) {
  for (const std::size_t size_bytes : {0, 1, 15, 16, 17, 63, 64, 65, 4095, 4096, 4097, 1 << 20}) {
    const auto bytes = pattern(size_bytes, size_bytes);
    const std::string name = "size/" + std::to_string(size_bytes);
    const auto unnamed = put(*connector_, 1, {}, bytes).value();
    const auto named = put(*connector_, 1, name, bytes).value();
    EXPECT_EQ(unnamed.generation, 0U);
    EXPECT_GT(named.generation, 0U);
    EXPECT_NE(unnamed.key, named.key);
    EXPECT_TRUE(unnamed.key.valid());
    EXPECT_EQ(unnamed.key.store, 1U);
    EXPECT_TRUE(holds(connector_->get(unnamed.key, {}).value(), bytes)) << size_bytes;
    EXPECT_TRUE(holds(connector_->get(named.key, {}).value(), bytes)) << size_bytes;
    const auto view = connector_->get({1, name}, {}).value();
    EXPECT_TRUE(holds(view, bytes)) << size_bytes;
    EXPECT_EQ(view.key(), named.key);
  }
}

TEST_P(ConnectorContract, DescribesAnObjectByItsFacts) {
  Extents extents;
  extents.rank = max_rank;
  for (std::size_t i = 0; i < max_rank; ++i) {
    extents.values[i] = i % 2 + 1;
  }
  const std::string type = "a type of one's own{8}[]";
  const std::string name = "größe";
  const ObjectMeta meta{7, 8, 16, text_hash(type), type, name, Layout::array, extents};
  const auto draft = connector_->create(128, meta, {}).value();
  EXPECT_EQ(draft.meta.type_name, type);
  EXPECT_EQ(draft.meta.name, name);
  const auto sealed = connector_->seal(draft, {}, {}).value();
  const auto view = connector_->get({7, name}, {}).value();
  const ObjectFacts facts = view.facts();
  EXPECT_EQ(facts.key, sealed.key);
  EXPECT_EQ(facts.size_bytes, 128U);
  EXPECT_EQ(facts.generation, sealed.generation);
  EXPECT_EQ(facts.type_hash, text_hash(type));
  EXPECT_EQ(view.type_hash(), text_hash(type));
  EXPECT_EQ(facts.element_bytes, 8U);
  EXPECT_EQ(facts.layout, Layout::array);
  EXPECT_EQ(facts.extents, extents);
  EXPECT_EQ(facts.type_name, type);
  EXPECT_EQ(facts.name, name);
}

TEST_P(ConnectorContract, TakesNamesOfAnyBytes) {
  std::vector<std::string> names{"x",
                                 std::string(max_name_bytes, 'n'),
                                 std::string(max_name_bytes - 1, 'n'),
                                 "größe/日本語",
                                 std::string("nul\0inside", 10),
                                 std::string("\0", 1)};
  for (int byte = 0; byte < 256; ++byte) {
    names.push_back(std::string("b") + static_cast<char>(byte));
  }
  for (std::size_t i = 0; i < names.size(); ++i) {
    ASSERT_TRUE(put(*connector_, 1, names[i], pattern(i, 24)));
  }
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto view = connector_->get({1, names[i]}, {}).value();
    EXPECT_TRUE(holds(view, pattern(i, 24))) << i;
    EXPECT_EQ(view.facts().name, names[i]);
  }
  auto listed = connector_->list(1, {}, {}).value();
  std::ranges::sort(names);
  EXPECT_EQ(listed, names);
}

TEST_P(ConnectorContract, KeepsStoresApart) {
  (void)put(*connector_, 1, "same", pattern(1, 8)).value();
  const auto other = put(*connector_, 2, "same", pattern(2, 8)).value();
  EXPECT_TRUE(holds(connector_->get({1, "same"}, {}).value(), pattern(1, 8)));
  EXPECT_TRUE(holds(connector_->get({2, "same"}, {}).value(), pattern(2, 8)));
  Key wrong_store = other.key;
  wrong_store.store = 1;
  EXPECT_EQ(code_of(connector_->get(wrong_store, {})), Errc::not_found);
  EXPECT_TRUE(connector_->evict({1, "same"}, {}).value());
  EXPECT_TRUE(connector_->exists({2, "same"}, {}).value());
  EXPECT_EQ(connector_->list(1, {}, {}).value().size(), 0U);
}

TEST_P(ConnectorContract, LeavesALiveNameUntouchedByASecondPut) {
  const auto first = put(*connector_, 1, "name", pattern(1, 100)).value();
  EXPECT_EQ(code_of(put(*connector_, 1, "name", pattern(2, 100))), Errc::key_exists);
  const auto view = connector_->get({1, "name"}, {}).value();
  EXPECT_EQ(view.key(), first.key);
  EXPECT_TRUE(holds(view, pattern(1, 100)));
}

TEST_P(ConnectorContract, ReplacesAtomicallyAndTellsStaleFromGone) {
  const std::uint64_t hash = name_hash(1, "clock");
  EXPECT_EQ(code_of(put(*connector_, 1, "clock", pattern(0, 8), {SealMode::replace, 5})), Errc::not_found);
  const auto first = put(*connector_, 1, "clock", pattern(1, 8), {SealMode::replace}).value();
  const auto old = connector_->get(first.key, {}).value();
  const auto second =
      put(*connector_, 1, "clock", pattern(2, 8), {SealMode::replace, first.generation}).value();
  EXPECT_GT(second.generation, first.generation);
  EXPECT_EQ(code_of(put(*connector_, 1, "clock", pattern(3, 8), {SealMode::replace, first.generation})),
            Errc::stale);
  EXPECT_TRUE(holds(connector_->get({1, "clock"}, {}).value(), pattern(2, 8)));
  EXPECT_TRUE(holds(old, pattern(1, 8)));
  EXPECT_EQ(code_of(connector_->get(Address(first.key, hash), {})), Errc::stale);
  EXPECT_EQ(code_of(connector_->get(first.key, {})), Errc::not_found);
  EXPECT_FALSE(connector_->exists(Address(first.key, hash), {}).value());
  EXPECT_FALSE(connector_->evict(Address(first.key, hash), {}).value());
  EXPECT_TRUE(connector_->get(Address(second.key, hash), {}));
  EXPECT_TRUE(connector_->evict({1, "clock"}, {}).value());
  EXPECT_EQ(code_of(connector_->get(Address(first.key, hash), {})), Errc::not_found);
  EXPECT_EQ(code_of(connector_->get(Address(second.key, hash), {})), Errc::not_found);
  const auto third = put(*connector_, 1, "clock", pattern(4, 8)).value();
  EXPECT_GT(third.generation, second.generation);
}

TEST_P(ConnectorContract, EvictsByKeyOrNameOnce) {
  const auto unnamed = put(*connector_, 1, {}, pattern(1, 8)).value();
  const auto named = put(*connector_, 1, "name", pattern(2, 8)).value();
  EXPECT_TRUE(connector_->evict(unnamed.key, {}).value());
  EXPECT_FALSE(connector_->evict(unnamed.key, {}).value());
  EXPECT_EQ(code_of(connector_->get(unnamed.key, {})), Errc::not_found);
  EXPECT_TRUE(connector_->evict(named.key, {}).value());
  EXPECT_EQ(code_of(connector_->get({1, "name"}, {})), Errc::not_found);
  EXPECT_FALSE(connector_->evict({1, "name"}, {}).value());
  EXPECT_EQ(code_of(put(*connector_, 1, "name", pattern(3, 8))), Errc{});
}

TEST_P(ConnectorContract, NeverGivesOneKeyTwice) {
  std::set<Key> keys;
  for (int i = 0; i < 200; ++i) {
    const auto key = put(*connector_, 1, {}, pattern(1, 48)).value().key;
    EXPECT_TRUE(keys.insert(key).second) << key;
    EXPECT_TRUE(connector_->evict(key, {}).value());
  }
}

TEST_P(ConnectorContract, AnswersNotFoundForKeysThatNobodyMade) {
  const auto real = put(*connector_, 1, {}, pattern(1, 8)).value().key;
  const std::array<Key, 6> others{Key{},
                                  Key{1, real.creator, real.serial + 1},
                                  Key{1, real.creator + 1, real.serial},
                                  Key{2, real.creator, real.serial},
                                  Key{1, 0xFFFFFFFFU, ~std::uint64_t{0}},
                                  Key{1, real.creator, real.serial | (std::uint64_t{1} << 63U)}};
  for (const Key& key : others) {
    EXPECT_EQ(code_of(connector_->get(key, {})), Errc::not_found) << key;
    EXPECT_FALSE(connector_->exists(key, {}).value()) << key;
    EXPECT_FALSE(connector_->evict(key, {}).value()) << key;
  }
  EXPECT_TRUE(connector_->exists(real, {}).value());
}

TEST_P(ConnectorContract, KeepsViewsInPlaceWhateverTheStoreDoes) {
  const auto first = pattern(1, 5000);
  const auto sealed = put(*connector_, 1, "v", first).value();
  ObjectView view = connector_->get({1, "v"}, {}).value();
  const std::byte* const where = view.bytes().data();
  (void)put(*connector_, 1, "v", pattern(2, 5000), {SealMode::replace}).value();
  EXPECT_TRUE(connector_->evict({1, "v"}, {}).value());
  for (std::uint64_t i = 0; i < 100; ++i) {  // overwrites whatever was freed too early
    const auto key = put(*connector_, 1, {}, pattern(i + 3, 5000)).value().key;
    if (i % 2 == 0) {
      EXPECT_TRUE(connector_->evict(key, {}).value());
    }
  }
  EXPECT_TRUE(holds(view, first));
  const ObjectView copy = view;
  view = ObjectView();
  EXPECT_TRUE(holds(copy, first));
  EXPECT_EQ(copy.bytes().data(), where);
  EXPECT_EQ(copy.facts().name, "v");
  EXPECT_EQ(copy.key(), sealed.key);
  connector_.reset();
  EXPECT_TRUE(holds(copy, first));
  EXPECT_EQ(copy.facts().size_bytes, 5000U);
}

TEST_P(ConnectorContract, DiscardsADraftWithoutATrace) {
  const std::uint64_t used = connector_->usage().own_used;
  for (int i = 0; i < 100; ++i) {
    const auto draft = connector_->create(1 << 20, plain_meta(1, "draft"), {}).value();
    connector_->discard(draft);
  }
  EXPECT_EQ(connector_->usage().own_used, used);
  EXPECT_FALSE(connector_->exists({1, "draft"}, {}).value());
  EXPECT_EQ(code_of(put(*connector_, 1, "draft", pattern(1, 8))), Errc{});
}

TEST_P(ConnectorContract, ShowsADraftToNobodyBeforeItIsSealed) {
  const auto draft = connector_->create(8, plain_meta(1, "draft"), {}).value();
  EXPECT_FALSE(connector_->exists({1, "draft"}, {}).value());
  EXPECT_TRUE(connector_->list(1, {}, {}).value().empty());
  // The first seal decides who gets the name, not the first create.
  (void)put(*connector_, 1, "draft", pattern(1, 8)).value();
  EXPECT_EQ(code_of(connector_->seal(draft, {}, {})), Errc::key_exists);
  EXPECT_TRUE(holds(connector_->get({1, "draft"}, {}).value(), pattern(1, 8)));
}

TEST_P(ConnectorContract, DropsAStoreAndNothingElse) {
  for (std::uint64_t i = 0; i < 20; ++i) {
    (void)put(*connector_, 1, i % 2 == 0 ? "n/" + std::to_string(i) : std::string(), pattern(i, 64)).value();
  }
  const auto kept = put(*connector_, 2, "kept", pattern(99, 64)).value();
  EXPECT_EQ(connector_->drop(1).value(), 20U);
  EXPECT_EQ(connector_->drop(1).value(), 0U);
  EXPECT_TRUE(connector_->list(1, {}, {}).value().empty());
  EXPECT_TRUE(holds(connector_->get(kept.key, {}).value(), pattern(99, 64)));
}

// An object that is about to be sealed, and lives that long.
inline ObjectDraft expiring_draft(Connector& connector, std::string_view name, std::uint64_t seed,
                                  std::chrono::milliseconds lifetime) {
  ObjectMeta meta = plain_meta(1, name);
  meta.lifetime_ms = static_cast<std::uint64_t>(lifetime.count());
  const auto bytes = pattern(seed, 64);
  ObjectDraft draft = connector.create(bytes.size(), meta, {}).value();
  std::memcpy(draft.bytes.data(), bytes.data(), bytes.size());
  return draft;
}

inline void await_moment(std::uint64_t since_1970_ns) {
  while (nanoseconds_since_1970() <= since_1970_ns) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

TEST_P(ConnectorContract, EvictsEachObjectAtTheEndOfItsLifetime) {
  Expiring* const expiring = connector_->capability<Expiring>();
  if (expiring == nullptr) {
    GTEST_SKIP() << "this connector has no lifetimes";
  }
  constexpr std::chrono::milliseconds shortly(5);
  constexpr std::chrono::hours long_enough(1);
  EXPECT_GT(expiring->expect(1, shortly).count(), 0);
  const auto put_for = [&](std::string_view name, std::uint64_t seed, std::chrono::milliseconds lifetime,
                           const SealOptions& options = {}) {
    return connector_->seal(expiring_draft(*connector_, name, seed, lifetime), options, {}).value();
  };
  const auto begin = Deadline::Clock::now();
  std::vector<Address> short_lived;
  std::vector<ObjectDraft> drafts;
  constexpr std::array<std::string_view, 4> names{"of a batch", "and", "some more", "names"};
  for (const std::string_view name : names) {
    drafts.push_back(expiring_draft(*connector_, name, 1, shortly));
    short_lived.emplace_back(1, name);
  }
  std::vector<Result<Sealed>> sealed(drafts.size(), Result<Sealed>(Sealed{}));
  connector_->seal_batch(drafts, sealed, {});
  EXPECT_TRUE(std::ranges::all_of(sealed, [](const auto& one) { return one.has_value(); }));
  short_lived.emplace_back(put_for({}, 2, shortly).key);
  const Key unnamed = put_for({}, 3, long_enough).key;
  (void)put_for("long", 4, long_enough);
  (void)put_for("for ever", 5, {});
  (void)put_for("replaced", 6, shortly);
  (void)put_for("replaced", 7, {}, {SealMode::replace});
  (void)put_for("shortened", 8, {});
  (void)put_for("shortened", 9, shortly, {SealMode::replace});
  short_lived.emplace_back(1, "shortened");
  // Ten times as long as one that sweeps takes to find out.
  for (const Address& address : short_lived) {
    while (connector_->exists(address, {}).value()) {
      ASSERT_LT(Deadline::Clock::now() - begin, std::chrono::seconds(20)) << address.name;
      expiring->sweep();
    }
  }
  EXPECT_GE(Deadline::Clock::now() - begin, shortly);
  expiring->sweep();
  EXPECT_TRUE(holds(connector_->get(unnamed, {}).value(), pattern(3, 64)));
  EXPECT_TRUE(holds(connector_->get({1, "for ever"}, {}).value(), pattern(5, 64)));
  EXPECT_TRUE(holds(connector_->get({1, "replaced"}, {}).value(), pattern(7, 64)));
  const auto kept = connector_->get({1, "long"}, {}).value();
  EXPECT_TRUE(holds(kept, pattern(4, 64)));
  EXPECT_EQ(kept.facts().name, "long");
  const auto left = std::chrono::nanoseconds(kept.expires_ns() - nanoseconds_since_1970());
  EXPECT_GT(left, std::chrono::minutes(59));
  EXPECT_LE(left, long_enough);
  EXPECT_EQ(connector_->get({1, "replaced"}, {})->expires_ns(), 0U);
}

TEST_P(ConnectorContract, GivesTheNameOfWhatHasExpiredToAPut) {
  Expiring* const expiring = connector_->capability<Expiring>();
  if (expiring == nullptr) {
    GTEST_SKIP() << "this connector has no lifetimes";
  }
  (void)expiring->expect(1, std::chrono::hours(1));
  constexpr std::array<std::string_view, 6> names{"some", "names", "at", "home", "in several", "places"};
  std::uint64_t latest = 0;
  for (const std::string_view name : names) {
    (void)connector_->seal(expiring_draft(*connector_, name, 1, std::chrono::milliseconds(1)), {}, {})
        .value();
    // Another node, at which the name is at home, counts anew, in whole milliseconds.
    latest = nanoseconds_since_1970() + 3'000'000;
  }
  const Key kept =
      connector_->seal(expiring_draft(*connector_, "kept", 3, std::chrono::hours(1)), {}, {})->key;
  await_moment(latest);
  // Nobody sweeps. The last two are put together.
  std::vector<ObjectDraft> drafts;
  for (const std::string_view name : names) {
    const bool is_last = name == names[4] || name == names[5];
    const ObjectDraft draft = expiring_draft(*connector_, name, 2, {});
    if (is_last) {
      drafts.push_back(draft);
      continue;
    }
    const auto again = connector_->seal(draft, {}, {});
    EXPECT_TRUE(again) << name << ": " << again.error();
  }
  std::vector<Result<Sealed>> sealed(drafts.size(), Result<Sealed>(Sealed{}));
  connector_->seal_batch(drafts, sealed, {});
  EXPECT_TRUE(sealed[0] && sealed[1]);
  EXPECT_EQ(code_of(put(*connector_, 1, "kept", pattern(4, 8))), Errc::key_exists) << "it has not expired";
  expiring->sweep();
  for (const std::string_view name : names) {
    EXPECT_TRUE(holds(connector_->get({1, name}, {}).value(), pattern(2, 64))) << name;
  }
  EXPECT_TRUE(connector_->exists(kept, {}).value());
}

TEST_P(ConnectorContract, WaitsUntilTheNameIsPutOrTheDeadlineIsOver) {
  if (!GetParam().threads) {
    GTEST_SKIP() << "this connector runs in a simulation, which has no threads";
  }
  EXPECT_EQ(code_of(connector_->wait({1, "never"}, std::chrono::milliseconds(5))), Errc::timeout);
  EXPECT_EQ(code_of(connector_->wait({1, "never"}, Deadline::Clock::time_point::min())), Errc::timeout);
  (void)put(*connector_, 1, "here", pattern(1, 8)).value();
  const Deadline enough =
      GetParam().remote ? Deadline(std::chrono::seconds(20)) : Deadline::Clock::time_point::min();
  EXPECT_TRUE(holds(connector_->wait({1, "here"}, enough).value(), pattern(1, 8)));
  for (std::uint64_t i = 0; i < 50; ++i) {
    const std::string name = "later/" + std::to_string(i);
    std::thread putter([&] { (void)put(*connector_, 1, name, pattern(i, 8)).value(); });
    const auto arrived = connector_->wait({1, name}, std::chrono::seconds(20));
    putter.join();
    ASSERT_TRUE(arrived) << arrived.error();
    EXPECT_TRUE(holds(*arrived, pattern(i, 8)));
  }
}

TEST_P(ConnectorContract, LetsOneOfManyPutsWin) {
  if (!GetParam().threads) {
    GTEST_SKIP() << "this connector runs in a simulation, which has no threads";
  }
  constexpr std::uint64_t thread_count = 4;
  constexpr std::uint64_t name_count = 50;
  std::array<std::atomic<std::uint64_t>, name_count> winners{};
  std::vector<std::thread> threads;
  for (std::uint64_t mine = 1; mine <= thread_count; ++mine) {
    threads.emplace_back([&, mine] {
      for (std::uint64_t i = 0; i < name_count; ++i) {
        const auto sealed = put(*connector_, 1, "contested/" + std::to_string(i), pattern(mine, 256));
        if (sealed) {
          EXPECT_EQ(winners[i].exchange(mine), 0U);
        } else {
          EXPECT_EQ(code_of(sealed), Errc::key_exists);
        }
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  for (std::uint64_t i = 0; i < name_count; ++i) {
    ASSERT_NE(winners[i], 0U);
    EXPECT_TRUE(
        holds(connector_->get({1, "contested/" + std::to_string(i)}, {}).value(), pattern(winners[i], 256)));
  }
}

TEST_P(ConnectorContract, ShowsReadersWholeValuesWhileANameIsReplaced) {
  if (!GetParam().threads) {
    GTEST_SKIP() << "this connector runs in a simulation, which has no threads";
  }
  constexpr std::uint64_t rounds = 400;
  (void)put(*connector_, 1, "clock", pattern(0, 512)).value();
  std::atomic<bool> done{false};
  std::thread writer([&] {
    for (std::uint64_t i = 1; i <= rounds; ++i) {
      EXPECT_TRUE(put(*connector_, 1, "clock", pattern(i, 512), {SealMode::replace}));
    }
    done = true;
  });
  std::uint64_t last_generation = 0;
  while (!done) {
    const auto view = connector_->get({1, "clock"}, {});
    ASSERT_TRUE(view) << view.error();  // a replaced name is live at every moment
    const std::uint64_t generation = view->facts().generation;
    EXPECT_GE(generation, last_generation);
    last_generation = generation;
    const std::vector<std::byte> bytes(view->bytes().begin(), view->bytes().end());
    bool whole = false;
    for (std::uint64_t i = 0; i <= rounds && !whole; ++i) {
      whole = pattern(i, 1)[0] == bytes[0] && pattern(i, 512) == bytes;
    }
    EXPECT_TRUE(whole);
  }
  writer.join();
  EXPECT_TRUE(holds(connector_->get({1, "clock"}, {}).value(), pattern(rounds, 512)));
}

// Compared with a std::map, one store at a time.

TEST_P(ConnectorContract, DoesWhatAMapWouldDo) {
  const std::vector<std::string> names{
      "a", "a/b", "a/c", "größe", std::string("a\0b", 3), std::string(3000, 'l')};
  const std::vector<std::size_t> sizes{0, 1, 8, 63, 64, 100, 4096, 20'000};
  std::uint32_t store = 0;
  const bool held = rc::check("operations agree with the model", [&] {
    ConnectorModel model(*connector_, ++store);
    const auto steps = *rc::gen::container<std::vector<std::array<std::uint16_t, 4>>>(
        rc::gen::container<std::array<std::uint16_t, 4>>(rc::gen::arbitrary<std::uint16_t>()));
    for (const auto& [kind, name, size, number] : steps) {
      const std::string& chosen = names[name % names.size()];
      const std::size_t size_bytes = sizes[size % sizes.size()];
      switch (kind % 10) {
        case 0:
          model.put_unnamed(number, size_bytes);
          break;
        case 1:
        case 2:
          model.put_named(chosen, number, size_bytes);
          break;
        case 3:
          model.replace(chosen, number, size_bytes, number % 3);
          break;
        case 4:
          model.look_at_name(chosen);
          break;
        case 5:
        case 6:
          model.look_at_key(number);
          break;
        case 7:
          model.evict_name(chosen);
          break;
        case 8:
          model.evict_key(number);
          break;
        default:
          if (number % 8 == 0) {
            model.drop();
          }
          model.list(chosen.substr(0, size % 3));
      }
    }
    model.check_held_views();
    for (const std::string& name : names) {
      model.look_at_name(name);
    }
    model.list({});
    model.drop();
  });
  EXPECT_TRUE(held) << "rapidcheck has printed the shrunk steps and the seed above";
}

inline std::string factory_name(const ::testing::TestParamInfo<ConnectorFactory>& info) {
  return info.param.name;
}

}  // namespace locum::tests
