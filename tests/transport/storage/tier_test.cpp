#include "core/tier/tier.hpp"
#include "core/ports/store_accounts.hpp"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "core/backend_session.hpp"
#include "core/base/mutex.hpp"
#include "core/base/wall_clock.hpp"
#include "core/detail/session_state.hpp"
#include "core/node/local.hpp"
#include "core/object/object_record.hpp"
#include "core/open_sessions.hpp"
#include "core/ports/expiring.hpp"
#include "core/ports/wanting.hpp"
#include "core/promise.hpp"
#include "core/serializers.hpp"
#include "tests/core/code_of.hpp"
#include "tests/core/connector_samples.hpp"
#include "tests/transport/storage/tier_scene.hpp"
#include "tests/transport/storage/wrappers/probe_backend.hpp"

namespace locum::tests::tiers {
namespace {

TEST(Tier, NamesOutliveTheJobAndAreReadInPlace) {
  const auto backend = std::make_shared<ProbeBackend>();
  Key unnamed;
  {
    const Job first(backend);
    ASSERT_TRUE(first.put("T", 1));
    unnamed = tests::put(*first.tier, fields, {}, pattern(2, 8)).value().key;
    (void)backend->calls();
    EXPECT_EQ(first.get("T").value().path(), Path::shm_view);
    EXPECT_TRUE(backend->calls().empty()) << "what is in memory is read there";
  }
  const Job second(backend);
  EXPECT_TRUE(second.tier->exists({fields, "T"}, {}).value());
  EXPECT_EQ(second.tier->list(fields, {}, {}).value(), std::vector<std::string>{"T"});
  EXPECT_EQ(code_of(second.tier->get(unnamed, {})), Errc::not_found);
  EXPECT_EQ(code_of(second.memory->get({fields, "T"}, {})), Errc::not_found) << "a look brings nothing";
  const auto facts = second.tier->get_some({fields, "T"}, Facts(), {}).value();
  EXPECT_EQ(facts.facts().size_bytes, 100U);
  EXPECT_EQ(code_of(second.memory->get({fields, "T"}, {})), Errc::not_found);

  const auto view = second.get("T").value();
  EXPECT_TRUE(holds(view, pattern(1, 100)));
  EXPECT_EQ(view.path(), Path::shm_view);
  EXPECT_EQ(second.get("T").value().bytes().data(), view.bytes().data());
  EXPECT_EQ(second.tier->get(view.key(), {}).value().bytes().data(), view.bytes().data());
  EXPECT_TRUE(second.memory->list(claims, {}, {}).value().empty());
}

TEST(Tier, ANameIsTakenIfOnlyTheBackendHasIt) {
  const auto backend = std::make_shared<ProbeBackend>();
  ASSERT_TRUE(Job(backend).put("T", 1));
  const Job job(backend);
  EXPECT_EQ(code_of(job.put("T", 2)), Errc::key_exists);
  EXPECT_EQ(code_of(job.put("T", 2, {SealMode::replace, 5})), Errc::stale);
  EXPECT_EQ(code_of(job.put("U", 2, {SealMode::replace, 5})), Errc::not_found);
  const std::uint64_t generation = job.tier->get_some({fields, "T"}, Facts(), {}).value().facts().generation;
  ASSERT_TRUE(job.put("T", 3, {SealMode::replace, generation}));
  EXPECT_TRUE(holds(job.get("T").value(), pattern(3, 100)));
  EXPECT_TRUE(holds(Job(backend).get("T").value(), pattern(3, 100)));
  EXPECT_TRUE(job.tier->evict({fields, "T"}, {}).value());
  EXPECT_FALSE(Job(backend).tier->exists({fields, "T"}, {}).value());
  EXPECT_TRUE(job.put("T", 4));
}

TEST(Tier, WhatTheBackendRefusesIsNotThere) {
  const auto backend = std::make_shared<ProbeBackend>();
  const Job job(backend);
  ASSERT_TRUE(job.put("T", 1));
  backend->fail({{Errc::peer_lost}});
  EXPECT_EQ(code_of(job.put("U", 2)), Errc::peer_lost);
  EXPECT_FALSE(job.tier->exists({fields, "U"}, {}).value());
  backend->fail({{Errc::peer_lost}});
  EXPECT_EQ(code_of(job.put("T", 2, {SealMode::replace})), Errc::peer_lost);
  EXPECT_TRUE(holds(job.get("T").value(), pattern(1, 100)));
  backend->fail({{Errc::timeout}});
  EXPECT_EQ(code_of(job.tier->evict({fields, "T"}, {})), Errc::timeout);
  EXPECT_TRUE(holds(job.get("T").value(), pattern(1, 100)));
  backend->fail({{Errc::timeout}});
  EXPECT_EQ(code_of(job.get("V")), Errc::timeout) << "nobody knows whether it is there";
  const std::uint64_t used = job.memory->usage().own_used;
  EXPECT_LE(used, 200U) << "drafts are gone";
}

TEST(Tier, WhatMemoryHasNoRoomForIsInTheBackend) {
  const auto backend = std::make_shared<ProbeBackend>();
  const Job job(backend, TierWrites::through, 1000);
  const Sealed sealed = job.put("large", 1, {}, 5000).value();
  const auto view = job.get("large").value();
  EXPECT_EQ(view.path(), Path::storage);
  EXPECT_TRUE(holds(view, pattern(1, 5000)));
  EXPECT_EQ(view.facts().key.store, fields);
  EXPECT_EQ(view.key(), sealed.key);
  EXPECT_TRUE(holds(job.tier->get(sealed.key, {}).value(), pattern(1, 5000))) << "by its key, too";
  ASSERT_TRUE(job.put("large", 2, {SealMode::replace}));
  EXPECT_TRUE(holds(job.get("large").value(), pattern(2, 100)));
  EXPECT_EQ(code_of(job.tier->get(Address(sealed.key, 1), {})), Errc::stale);
  ASSERT_TRUE(job.put("large", 3, {SealMode::replace}, 5000));
  EXPECT_TRUE(holds(job.get("large").value(), pattern(3, 5000))) << "not what memory had before";
  EXPECT_TRUE(job.tier->evict(job.get("large").value().key(), {}).value());
  EXPECT_EQ(code_of(job.get("large")), Errc::not_found);
  EXPECT_EQ(code_of(tests::put(*job.tier, fields, {}, pattern(1, 5000))), Errc::out_of_memory)
      << "what has no name is in memory alone";
  EXPECT_EQ(job.tier->drop(fields).value(), 0U);
}

// Its tag is no part of an object: who wrote it back later would not know it.
TEST(Tier, ATaggedNameGoesStraightToTheBackend) {
  for (const TierWrites writes : {TierWrites::through, TierWrites::back}) {
    const auto backend = std::make_shared<ProbeBackend>();
    const Job job(backend, writes);
    const auto seal_tagged = [&](std::string tag, std::uint64_t seed, const SealOptions& options) {
      const ObjectDraft draft = job.draft("T", seed, {}, 100, tag);
      tag = "overwritten";
      return job.tier->seal(draft, options, {});
    };
    ASSERT_TRUE(seal_tagged("fast", 1, {}));
    EXPECT_EQ(backend->last_tag(), "fast");
    EXPECT_EQ(code_of(job.memory->get({fields, "T"}, {})), Errc::not_found);
    const auto first = job.get("T").value();
    EXPECT_TRUE(holds(first, pattern(1, 100)));
    EXPECT_EQ(first.path(), Path::shm_view);
    EXPECT_EQ(code_of(seal_tagged("slow", 2, {})), Errc::key_exists);
    const std::uint64_t live = first.facts().generation;
    EXPECT_EQ(code_of(seal_tagged("slow", 2, {SealMode::replace, live + 1})), Errc::stale);
    ASSERT_TRUE(seal_tagged("slow", 2, {SealMode::replace, live}));
    EXPECT_EQ(backend->last_tag(), "slow");
    EXPECT_TRUE(holds(job.get("T").value(), pattern(2, 100)));
    ASSERT_TRUE(job.put("T", 3, {SealMode::replace}));
    ASSERT_TRUE(job.tier->flush({}));
    EXPECT_EQ(backend->last_tag(), "") << "what replaces it has a tag of its own, or none";
    ASSERT_TRUE(seal_tagged("fast", 4, {SealMode::replace}));
    ASSERT_TRUE(job.tier->flush({}));
    EXPECT_EQ(backend->last_tag(), "fast");
    EXPECT_TRUE(holds(job.get("T").value(), pattern(4, 100)));
    const std::vector<ObjectDraft> drafts{job.draft("U", 5, {}, 100, "fast")};
    std::vector<Result<Sealed>> sealed(1, Result<Sealed>(Sealed()));
    (void)backend->calls();
    job.tier->seal_batch(drafts, sealed, {});
    EXPECT_TRUE(sealed[0]);
    EXPECT_EQ(count(backend->calls(), "store"), 1U);
    EXPECT_EQ(backend->last_tag(), "fast");
    ASSERT_TRUE(job.tier->seal(job.draft({}, 6, {}, 100, "fast"), {}, {}));
    EXPECT_EQ(count(backend->calls(), "store"), 0U) << "what has no name is in memory alone";
  }
}

TEST(Tier, AKeyThatLeadsToTheBackendIsGoodOnceTheObjectIsInMemory) {
  const Job job(std::make_shared<ProbeBackend>(), TierWrites::through, 6000);
  const Key fills = tests::put(*job.tier, fields, {}, pattern(2, 2000)).value().key;
  const Key key = job.put("large", 1, {}, 5000).value().key;
  EXPECT_EQ(job.get("large").value().path(), Path::storage);
  ASSERT_TRUE(job.tier->evict(fills, {}).value());
  EXPECT_EQ(job.get("large").value().path(), Path::shm_view);
  const Address by_key(key, name_hash(fields, "large"));
  EXPECT_TRUE(holds(job.tier->get(by_key, {}).value(), pattern(1, 5000)));
  EXPECT_TRUE(job.tier->exists(by_key, {}).value());
  EXPECT_TRUE(job.tier->evict(by_key, {}).value());
  EXPECT_FALSE(job.memory->exists({fields, "large"}, {}).value());
}

// Memory for ten objects: those that were put last are there.
TEST(Tier, MakesRoomByWhatTheBackendHas) {
  const auto backend = std::make_shared<ProbeBackend>();
  const Job job(backend, TierWrites::through, 10'000);
  const auto unnamed = tests::put(*job.tier, fields, {}, pattern(99, 1000)).value().key;
  ASSERT_TRUE(job.put("viewed", 98, {}, 1000));
  const auto viewed = job.get("viewed").value();
  for (std::uint64_t name = 0; name < 30; ++name) {
    ASSERT_TRUE(job.put(std::to_string(name), name, {}, 1000));
    EXPECT_TRUE(job.memory->exists({fields, std::to_string(name)}, {}).value()) << name;
  }
  EXPECT_FALSE(job.memory->exists({fields, "0"}, {}).value());
  EXPECT_EQ(job.get("viewed").value().bytes().data(), viewed.bytes().data()) << "it did not leave";
  EXPECT_TRUE(holds(job.tier->get(unnamed, {}).value(), pattern(99, 1000)));
  for (std::uint64_t name = 0; name < 30; ++name) {
    const auto view = job.get(std::to_string(name)).value();
    EXPECT_TRUE(holds(view, pattern(name, 1000)));
    EXPECT_EQ(view.path(), Path::shm_view) << "it came back in the place of others";
  }
  EXPECT_EQ(job.tier->list(fields, {}, {}).value().size(), 31U);
  EXPECT_TRUE(tests::put(*job.tier, fields, {}, pattern(1, 5000))) << "also for what is not in the backend";
  EXPECT_EQ(code_of(tests::put(*job.tier, fields, {}, pattern(1, 8000))), Errc::out_of_memory);
}

TEST(Tier, KeepsAStoreWithinItsBudget) {
  const auto backend = std::make_shared<ProbeBackend>();
  const Job job(backend);
  ASSERT_TRUE(job.memory->capability<StoreAccounts>()->set_budget(fields, "fields", 3000));
  for (std::uint64_t name = 0; name < 10; ++name) {
    ASSERT_TRUE(job.put(std::to_string(name), name, {}, 1000));
  }
  EXPECT_LE(job.memory->usage().own_used, 3000U);
  EXPECT_EQ(job.get("0").value().path(), Path::shm_view);
  ASSERT_TRUE(job.put("large", 1, {}, 4000));
  EXPECT_EQ(job.get("large").value().path(), Path::storage);
  EXPECT_EQ(job.get("0").value().path(), Path::shm_view) << "nothing left in vain";
}

TEST(Tier, OfManyThatMissANameAtOnceOneBringsIt) {
  const auto backend = std::make_shared<ProbeBackend>();
  constexpr std::size_t names = 20;
  constexpr std::size_t readers = 4;
  for (std::uint64_t name = 0; name < names; ++name) {
    ASSERT_TRUE(Job(backend).put(std::to_string(name), name));
  }
  const Job job(backend);
  std::array<std::array<const std::byte*, names>, readers> seen{};
  std::vector<std::thread> threads;
  std::vector<ObjectView> kept(readers * names);
  for (std::size_t reader = 0; reader < readers; ++reader) {
    threads.emplace_back([&, reader] {
      for (std::size_t name = 0; name < names; ++name) {
        auto view = job.get(std::to_string(name));
        ASSERT_TRUE(view) << view.error();
        EXPECT_TRUE(holds(*view, pattern(name, 100)));
        seen[reader][name] = view->bytes().data();
        kept[reader * names + name] = std::move(*view);
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  for (std::size_t reader = 1; reader < readers; ++reader) {
    EXPECT_EQ(seen[reader], seen[0]);
  }
  EXPECT_EQ(job.memory->usage().own_objects, names);
}

// What one thread puts, replaces and evicts, others read: nothing that was gone comes back.
TEST(Tier, AnEvictedNameStaysGoneWhateverIsReadMeanwhile) {
  const auto backend = std::make_shared<ProbeBackend>();
  const Job job(backend);
  std::atomic<bool> done{false};
  std::vector<std::thread> readers;
  for (int reader = 0; reader < 2; ++reader) {
    readers.emplace_back([&] {
      while (!done) {
        const auto found = job.get("T");
        EXPECT_TRUE(found || found.error().code() == Errc::not_found) << found.error();
      }
    });
  }
  for (std::uint64_t round = 0; round < 200; ++round) {
    EXPECT_TRUE(job.put("T", round));
    if (round % 2 == 0) {  // it has to be brought again
      EXPECT_TRUE(job.memory->evict({fields, "T"}, {}));
    }
    EXPECT_TRUE(job.tier->evict({fields, "T"}, {}).value());
    EXPECT_EQ(code_of(job.get("T")), Errc::not_found);
  }
  done = true;
  for (std::thread& reader : readers) {
    reader.join();
  }
}

TEST(Tier, PassesBatchesOnTogether) {
  const auto backend = std::make_shared<ProbeBackend>();
  const std::vector<std::string> names{"a", "b", "c", "d", "e"};
  {
    const Job job(backend);
    (void)backend->batch_calls();
    for (const auto& one : job.put_all(names, 100)) {
      EXPECT_TRUE(one) << one.error();
    }
    EXPECT_EQ(backend->batch_calls(), std::vector<std::string>{"store 5"});
    const auto again = job.put_all({"f", "a", "f"}, 100);
    EXPECT_TRUE(again[0]);
    EXPECT_EQ(code_of(again[1]), Errc::key_exists);
    EXPECT_EQ(code_of(again[2]), Errc::key_exists) << "of a repeated name one is there";
    EXPECT_TRUE(holds(job.get("a").value(), pattern(0, 100)));
    EXPECT_LE(job.memory->usage().own_used, 700U) << "drafts are gone";
  }
  const Job job(backend);
  const std::vector<std::string> asked{"a", "b", "none", "c", "d", "e"};
  (void)backend->batch_calls();
  EXPECT_EQ(job.get_all(asked, Wanting::facts)[3]->facts().size_bytes, 100U);
  EXPECT_EQ(backend->batch_calls(), std::vector<std::string>{"load 6"});
  EXPECT_FALSE(job.memory->exists({fields, "c"}, {}).value()) << "a look brings nothing";
  const auto found = job.get_all(asked);
  EXPECT_EQ(backend->batch_calls(), (std::vector<std::string>{"load 6", "load 5"}));
  EXPECT_EQ(code_of(found[2]), Errc::not_found);
  for (const std::size_t at : {0U, 1U, 3U, 4U, 5U}) {
    ASSERT_TRUE(found[at]) << found[at].error();
    EXPECT_TRUE(holds(*found[at], pattern(at < 2 ? at : at - 1, 100)));
    EXPECT_EQ(found[at]->path(), Path::shm_view);
  }
  (void)backend->calls();
  EXPECT_EQ(job.get_all(names)[0]->bytes().data(), found[0]->bytes().data());
  EXPECT_TRUE(backend->calls().empty()) << "what is in memory is read there";
  const auto gone = job.evict_all(asked);
  EXPECT_EQ(backend->batch_calls().back(), "remove 6");
  for (std::size_t at = 0; at < gone.size(); ++at) {
    EXPECT_EQ(gone[at].value(), at != 2) << at;
  }
  EXPECT_EQ(job.tier->list(fields, {}, {}).value(), std::vector<std::string>{"f"});
  EXPECT_TRUE(job.memory->list(claims, {}, {}).value().empty());
}

TEST(Tier, BatchesTellOfEachObject) {
  const auto backend = std::make_shared<ProbeBackend>();
  const Job job(backend, TierWrites::through, 1000);
  ASSERT_TRUE(job.put("z", 9));
  backend->fail({{Errc{}}, {Errc::peer_lost}});
  const auto made = job.put_all({"a", "b", "c"}, 100);
  EXPECT_TRUE(made[0] && made[2]);
  EXPECT_EQ(code_of(made[1]), Errc::peer_lost);
  EXPECT_FALSE(job.tier->exists({fields, "b"}, {}).value());
  // Larger than memory: in the backend alone.
  const auto large = job.put_all({"large", "d"}, 5000);
  EXPECT_TRUE(large[0] && large[1]);
  const auto found = job.get_all({"a", "large", "d"});
  EXPECT_EQ(found[0]->path(), Path::shm_view);
  EXPECT_EQ(found[1]->path(), Path::storage);
  EXPECT_TRUE(holds(*found[2], pattern(1, 5000)));
  // By key: of a name, of no name, and of nothing.
  const Key unnamed = tests::put(*job.tier, fields, {}, pattern(2, 8)).value().key;
  const std::vector<Address> keys{found[0]->key(), unnamed, found[1]->key(), Key{fields, 0, 12345}};
  std::vector<Result<bool>> evicted(keys.size(), Result<bool>(false));
  job.tier->evict_batch(keys, evicted, {});
  EXPECT_TRUE(*evicted[0] && *evicted[1] && *evicted[2]);
  EXPECT_FALSE(evicted[3].value());
  EXPECT_EQ(job.tier->list(fields, {}, {}).value(), (std::vector<std::string>{"c", "d", "z"}));
  const Job reader(backend, TierWrites::none);
  EXPECT_EQ(code_of(reader.evict_all({"c"})[0]), Errc::unsupported);
}

// Each holds what the other waits for, were they to wait while they hold something.
TEST(Tier, BatchesOfTheSameNamesDoNotWaitForEachOther) {
  const auto backend = std::make_shared<ProbeBackend>();
  const Job job(backend);
  const std::vector<std::string> names{"a", "b", "c", "d"};
  const std::vector<std::string> reversed(names.rbegin(), names.rend());
  std::thread other([&] {
    for (int round = 0; round < 50; ++round) {
      for (const auto& found : job.get_all(reversed)) {
        EXPECT_TRUE(found || found.error().code() == Errc::not_found) << found.error();
      }
      for (const auto& gone : job.evict_all(reversed)) {
        EXPECT_TRUE(gone) << gone.error();
      }
    }
  });
  for (int round = 0; round < 50; ++round) {
    for (const auto& made : job.put_all(names, 100)) {
      EXPECT_TRUE(made || made.error().code() == Errc::key_exists) << made.error();
    }
    EXPECT_TRUE(job.memory->evict({fields, "b"}, {}));  // it has to be brought again
  }
  other.join();
  (void)job.evict_all(names);
  EXPECT_TRUE(job.tier->list(fields, {}, {}).value().empty());
  EXPECT_TRUE(job.memory->list(claims, {}, {}).value().empty());
}

TEST(Tier, ObjectsHaveTheirLifetimeInBoth) {
  const auto backend = std::make_shared<ProbeBackend>();
  const Job job(backend);
  ASSERT_TRUE(job.put_for("hour", 1, 1h));
  ASSERT_TRUE(job.put_for("brief", 2, 5ms));
  const std::uint64_t end = job.get("hour").value().expires_ns();
  EXPECT_NE(end, 0U);
  const std::uint64_t brief_end = job.get("brief").value().expires_ns();
  const Job other(backend);
  const auto brought = other.get("hour").value();
  EXPECT_EQ(brought.path(), Path::shm_view) << "memory has it, too";
  const auto apart = std::chrono::nanoseconds(static_cast<std::int64_t>(brought.expires_ns() - end));
  EXPECT_LT(std::chrono::abs(apart), 10s);
  await_end(brief_end);
  EXPECT_EQ(code_of(other.get("brief")), Errc::not_found);
  ASSERT_TRUE(job.put_for("brief", 3, 5ms)) << "nobody has swept it";
  await_end(job.get("brief").value().expires_ns());
  job.tier->capability<Expiring>()->sweep();
  EXPECT_EQ(code_of(job.get("brief")), Errc::not_found);
  EXPECT_EQ(code_of(job.put_for("hour", 4, 5ms)), Errc::key_exists);
  ASSERT_TRUE(job.put_for("hour", 4, 5ms, {SealMode::replace}));
  EXPECT_TRUE(holds(job.get("hour").value(), pattern(4, 100)));
  await_end(job.get("hour").value().expires_ns());
  job.tier->capability<Expiring>()->sweep();
  EXPECT_FALSE(job.tier->exists({fields, "hour"}, {}).value());
  EXPECT_TRUE(job.put("hour", 5));
}

TEST(Tier, ReadsWithoutWriting) {
  const auto backend = std::make_shared<ProbeBackend>();
  ASSERT_TRUE(Job(backend).put("T", 1));
  const Job job(backend, TierWrites::none);
  (void)backend->calls();
  EXPECT_TRUE(holds(job.get("T").value(), pattern(1, 100)));
  for (const auto refused : {code_of(job.put("U", 1)), code_of(job.put("T", 2, {SealMode::replace})),
                             code_of(job.tier->evict({fields, "T"}, {})),
                             code_of(job.tier->evict(job.get("T").value().key(), {}))}) {
    EXPECT_EQ(refused, Errc::unsupported);
  }
  EXPECT_TRUE(tests::put(*job.tier, fields, {}, pattern(2, 8))) << "in memory";
  EXPECT_EQ(job.tier->drop(fields).value(), 2U);
  const auto calls = backend->calls();
  EXPECT_EQ(count(calls, "load"), calls.size());
  EXPECT_TRUE(holds(job.get("T").value(), pattern(1, 100))) << "the backend has it still";
}

TEST(Tier, WaitsForWhatAnotherJobPuts) {
  const auto backend = std::make_shared<ProbeBackend>();
  const Job job(backend);
  const Job other(backend);
  EXPECT_EQ(code_of(job.tier->wait({fields, "T"}, 1ms)), Errc::timeout);
  std::thread putter([&] { EXPECT_TRUE(other.put("T", 1)); });
  const auto arrived = job.tier->wait({fields, "T"}, 20s);
  putter.join();
  ASSERT_TRUE(arrived) << arrived.error();
  EXPECT_TRUE(holds(*arrived, pattern(1, 100)));
}

TEST(Tier, ServesASession) {
  const auto backend = std::make_shared<ProbeBackend>();
  const auto session_of = [](const Job& job) {
    Session session(
        open_tier(job.memory, connector_of(job.back),
                  {.timeout = 20s,
                   .claims_store = claims,
                   .suffix = " (tier)",
                   .open_in_back = [&job](std::string_view name) -> Result<std::uint32_t> {
                     const auto store = job.back.open(name);
                     return store ? job.back.number_of(name) : Result<std::uint32_t>(store.error());
                   },
                   .drop_in_back = [&job](std::string_view name) { return job.back.drop(name); }}),
        std::make_shared<Metrics>());
    session.announce();
    return session;
  };
  {
    const Job job(backend);
    const Session session = session_of(job);
    const Store store = session.open("run").value();
    ASSERT_TRUE(store.put("T", std::vector<double>(100, 1.5)));
    ASSERT_TRUE(store.put_async("p", std::string("kPa")).get());
    for (const auto& made : store.put_batch(std::map<std::string, int>{{"a", 1}, {"b", 2}})) {
      EXPECT_TRUE(made);
    }
    auto promise = store.promise<int>("later").value();
    auto later = store.wait_async<int>("later");
    ASSERT_TRUE(promise.set(17));
    EXPECT_EQ(*later.get().value(), 17);
  }
  const Store alone = Job(backend).back.open("run").value();
  EXPECT_EQ(alone.get<double[]>("T").value()[99], 1.5) << "another program finds it without a tier";
  ASSERT_TRUE(alone.put("short", 3, {.lifetime = 1h}));
  const Job job(backend);
  const Session session = session_of(job);
  const Store store = session.open("run").value();
  EXPECT_EQ(store.keys().value(), (std::vector<std::string>{"T", "a", "b", "later", "p", "short"}));
  EXPECT_EQ(*store.get<int>("short").value(), 3);
  EXPECT_TRUE(store.info("short").value().expires_at);
  EXPECT_TRUE(job.memory->exists({session.number_of("run").value(), "short"}, {}).value());
  EXPECT_TRUE(store.evict("short").value());
  ASSERT_TRUE(store.put("brief", 1, {.lifetime = 5ms}));
  const auto latest = Deadline::Clock::now() + 20s;
  while (store.exists("brief").value()) {
    ASSERT_LT(Deadline::Clock::now(), latest) << "nobody evicts it";
    std::this_thread::sleep_for(1ms);
  }
  EXPECT_FALSE(alone.exists("brief").value());
  const auto unit = store.get_async<std::string>("p").get().value();
  EXPECT_EQ(*unit, "kPa");
  EXPECT_EQ(*store.wait_async<int>("later").get().value(), 17);
  const auto found = store.get_batch<int>(std::vector<std::string>{"a", "b", "c"});
  EXPECT_EQ(*found[0].value(), 1);
  EXPECT_EQ(*found[1].value(), 2);
  EXPECT_EQ(code_of(found[2]), Errc::not_found);
  const auto part = store.get<double[]>("T", {.part = {.offset = 10, .count = 5}}).value();
  EXPECT_EQ(part.size(), 5U);
  EXPECT_EQ(store.get<double[]>("T", {.part = {.offset = 100, .count = 0}}).value().size(), 0U);
  EXPECT_EQ(store.get<double[]>("T", {.slab = {.start = {100}, .count = {0}}}).value().size(), 0U);
  const auto stand_in = store.proxy<double[]>("T").value();
  EXPECT_EQ(locum::proxy<double[]>(stand_in.handle())->size(), 100U);
  EXPECT_TRUE(store.evict("a").value());
  EXPECT_EQ(session.drop("run").value(), 4U);
  EXPECT_EQ(code_of(Job(backend).back.number_of("run")), Errc::not_found);
  EXPECT_EQ(code_of(store.get<int>("b")), Errc::closed);
}

}  // namespace
}  // namespace locum::tests::tiers
