#include "core/tier/tier.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
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
#include "core/promise.hpp"
#include "core/serializers.hpp"
#include "tests/core/code_of.hpp"
#include "tests/core/connector_samples.hpp"
#include "tests/transport/storage/wrappers/probe_backend.hpp"

namespace locum::tests {
namespace {

using namespace std::chrono_literals;

constexpr std::uint32_t fields = 7;
constexpr std::uint32_t claims = 9;
constexpr std::uint32_t records = 10;

std::shared_ptr<Connector> connector_of(const Session& session) {
  return {session.state(), &session.state()->connector()};
}

/// A job: its memory, in front of a backend that other jobs use, too. Stores have one number in both.
struct Job {
  explicit Job(const std::shared_ptr<Backend>& backend, TierWrites writes = TierWrites::through,
               std::uint64_t memory_bytes = 0)
      : memory(open_local({.memory_bytes = memory_bytes})),
        back(open_session(backend).value()),
        tier(open_tier(memory, connector_of(back),
                       {.writes = writes,
                        .timeout = 20s,
                        .claims_store = claims,
                        .unwritten_bytes = 1000,
                        .unwritten_store = records})) {}

  Result<ObjectView> get(std::string_view name) const { return tier->get({fields, name}, {}); }
  Result<Sealed> put(std::string_view name, std::uint64_t seed, const SealOptions& options = {},
                     std::size_t size_bytes = 100) const {
    return tests::put(*tier, fields, name, pattern(seed, size_bytes), options);
  }
  ObjectDraft draft(std::string_view name, std::uint64_t seed, std::chrono::milliseconds lifetime = {},
                    std::size_t size_bytes = 100) const {
    ObjectMeta meta = plain_meta(fields, name);
    meta.lifetime_ms = static_cast<std::uint64_t>(lifetime.count());
    const ObjectDraft made = tier->create(size_bytes, meta, {}).value();
    std::ranges::copy(pattern(seed, size_bytes), made.bytes.begin());
    return made;
  }
  Result<Sealed> put_for(std::string_view name, std::uint64_t seed, std::chrono::milliseconds lifetime,
                         const SealOptions& options = {}) const {
    return tier->seal(draft(name, seed, lifetime), options, {});
  }
  std::vector<Result<Sealed>> put_all(const std::vector<std::string>& names, std::size_t size_bytes) const {
    std::vector<ObjectDraft> drafts;
    for (const std::string& name : names) {
      drafts.push_back(draft(name, drafts.size(), {}, size_bytes));
    }
    std::vector<Result<Sealed>> sealed(drafts.size(), Result<Sealed>(Sealed()));
    tier->seal_batch(drafts, sealed, {});
    return sealed;
  }
  std::vector<Result<ObjectView>> get_all(const std::vector<std::string>& names,
                                          Wanting wanting = Wanting::all) const {
    const auto addresses = addresses_of(names);
    std::vector<Result<ObjectView>> found(names.size(), Result<ObjectView>(ObjectView()));
    tier->find_batch(addresses, wanting, found, {});
    return found;
  }
  std::vector<Result<bool>> evict_all(const std::vector<std::string>& names) const {
    const auto addresses = addresses_of(names);
    std::vector<Result<bool>> evicted(names.size(), Result<bool>(false));
    tier->evict_batch(addresses, evicted, {});
    return evicted;
  }
  static std::vector<Address> addresses_of(const std::vector<std::string>& names) {
    std::vector<Address> addresses;
    for (const std::string& name : names) {
      addresses.emplace_back(fields, name);
    }
    return addresses;
  }

  const std::shared_ptr<Connector> memory;
  const Session back;
  const std::shared_ptr<Tier> tier;
};

std::size_t count(const std::vector<std::string>& calls, std::string_view what) {
  return static_cast<std::size_t>(
      std::ranges::count_if(calls, [&](const std::string& call) { return call.starts_with(what); }));
}

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
  ASSERT_TRUE(job.memory->accounts()->set_budget(fields, "fields", 3000));
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

/// Until the moment has passed, by the clock of lifetimes.
void await_end(std::uint64_t since_1970_ns) {
  while (nanoseconds_since_1970() <= since_1970_ns) {
    std::this_thread::sleep_for(1ms);
  }
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
  job.tier->expiring()->sweep();
  EXPECT_EQ(code_of(job.get("brief")), Errc::not_found);
  EXPECT_EQ(code_of(job.put_for("hour", 4, 5ms)), Errc::key_exists);
  ASSERT_TRUE(job.put_for("hour", 4, 5ms, {SealMode::replace}));
  EXPECT_TRUE(holds(job.get("hour").value(), pattern(4, 100)));
  await_end(job.get("hour").value().expires_ns());
  job.tier->expiring()->sweep();
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

/// A backend that stores nothing while it is shut, and then fails if it is told to.
class Gate final : public Backend, public RecordBatches {
 public:
  const BackendTraits& traits() const noexcept override { return in_->traits(); }
  Result<Record> load(const RecordKey& key, std::uint64_t last, Deadline deadline) override {
    return in_->load(key, last, deadline);
  }
  Result<void> store(const RecordKey& key, const NewRecord& record, Deadline deadline) override {
    const auto passed = pass(key, 1, deadline);
    return passed ? in_->store(key, record, deadline) : passed;
  }
  RecordBatches* batches() noexcept override { return this; }
  void load(std::span<const RecordKey> keys, std::uint64_t last, std::span<Result<Record>> loaded,
            Deadline deadline) override {
    in_->load(keys, last, loaded, deadline);
  }
  void store(std::span<const RecordKey> keys, std::span<const NewRecord> made, std::span<Result<void>> stored,
             Deadline deadline) override {
    const auto passed =
        keys.empty() ? Result<void>() : pass(keys[0], static_cast<int>(keys.size()), deadline);
    if (passed) {
      in_->store(keys, made, stored, deadline);
    } else {
      std::ranges::fill(stored, passed);
    }
  }
  void remove(std::span<const RecordKey> keys, std::span<Result<bool>> removed, Deadline deadline) override {
    in_->remove(keys, removed, deadline);
  }
  Result<bool> remove(const RecordKey& key, std::uint64_t revision, Deadline deadline) override {
    return in_->remove(key, revision, deadline);
  }
  Result<std::vector<std::string>> list(std::string_view space, std::string_view prefix,
                                        Deadline deadline) override {
    return in_->list(space, prefix, deadline);
  }
  void set(bool is_shut, bool fails) {
    const MutexLock lock(mutex_);
    is_shut_ = is_shut;
    fails_ = fails;
    calls_ = 0;
    changed_.notify_all();
  }

  /// Until something is to be stored, since set().
  void wait_for_a_call() {
    MutexLock lock(mutex_);
    const auto until = Deadline::Clock::now() + 60s;
    while (calls_ == 0 && lock.wait_until(changed_, until)) {
    }
    EXPECT_GT(calls_, 0);
  }

  std::atomic<int> stores{0};
  [[nodiscard]] ProbeBackend& probe() noexcept { return *in_; }

 private:
  Result<void> pass(const RecordKey& key, int count, Deadline deadline) {
    MutexLock lock(mutex_);
    ++calls_;
    changed_.notify_all();
    while (is_shut_ && key.space != "@locum") {
      (void)lock.wait_until(changed_, deadline.moment(20s));
    }
    if (fails_) {
      return Error(Errc::peer_lost, "the gate was told to fail");
    }
    stores += count;
    return {};
  }

  const std::shared_ptr<ProbeBackend> in_ = std::make_shared<ProbeBackend>();
  Mutex mutex_;
  std::condition_variable changed_;
  int calls_ LOCUM_GUARDED_BY(mutex_) = 0;
  bool is_shut_ LOCUM_GUARDED_BY(mutex_) = false;
  bool fails_ LOCUM_GUARDED_BY(mutex_) = false;
};

/// A job that writes back to a gate, which is open again at the end.
class WriteBackTier : public ::testing::Test {
 protected:
  void TearDown() override { gate_->set(false, false); }
  [[nodiscard]] bool is_kept(std::string_view name) const {
    return job_.back.state()->connector().exists({fields, name}, {}).value();
  }

  const std::shared_ptr<Gate> gate_ = std::make_shared<Gate>();
  const Job job_{gate_, TierWrites::back, 2000};
};

TEST_F(WriteBackTier, PutsIntoMemoryAndWritesSoon) {
  gate_->set(true, false);
  ASSERT_TRUE(job_.put("T", 1));
  gate_->wait_for_a_call();
  ASSERT_TRUE(job_.put("U", 2));
  EXPECT_TRUE(holds(job_.get("T").value(), pattern(1, 100)));
  EXPECT_FALSE(is_kept("T"));
  EXPECT_EQ(code_of(job_.tier->flush(1ms)), Errc::timeout);
  EXPECT_NE(job_.tier->describe().find("2 names, 200 bytes"), std::string::npos) << job_.tier->describe();
  EXPECT_EQ(code_of(job_.tier->evict({fields, "T"}, std::chrono::milliseconds(1))), Errc::timeout)
      << "it is being written";
  gate_->set(false, false);
  ASSERT_TRUE(job_.tier->flush({}));
  EXPECT_TRUE(is_kept("T"));
  EXPECT_TRUE(is_kept("U"));
  EXPECT_TRUE(job_.tier->describe().empty());
  EXPECT_TRUE(job_.memory->keys_of_node(records).empty());
  EXPECT_TRUE(job_.tier->evict({fields, "T"}, {}).value());
  EXPECT_FALSE(is_kept("T"));
  const Job next(gate_, TierWrites::back);
  EXPECT_TRUE(holds(next.get("U").value(), pattern(2, 100)));
  EXPECT_EQ(code_of(next.put("U", 3)), Errc::key_exists);
}

TEST_F(WriteBackTier, LetsPutsWaitWhereTooMuchIsUnwritten) {
  gate_->set(true, false);
  for (const char* name : {"a", "b", "c"}) {
    ASSERT_TRUE(job_.put(name, 1, {}, 300));
  }
  const auto draft = job_.tier->create(300, plain_meta(fields, "d"), {}).value();
  EXPECT_EQ(code_of(job_.tier->seal(draft, {}, std::chrono::milliseconds(1))), Errc::timeout);
  EXPECT_FALSE(job_.tier->exists({fields, "d"}, {}).value());
  // Of another rank of the node, which writes through: the same memory.
  const auto other = open_tier(job_.memory, connector_of(job_.back),
                               {.timeout = 20s, .claims_store = claims, .unwritten_store = records});
  for (const auto& tier : {job_.tier, other}) {
    EXPECT_EQ(code_of(tests::put(*tier, fields, {}, pattern(1, 1500))), Errc::out_of_memory)
        << "what is not written does not leave memory";
  }
  std::thread putter([&] { EXPECT_TRUE(job_.put("d", 1, {}, 300)); });
  gate_->set(false, false);
  putter.join();
  ASSERT_TRUE(job_.tier->flush({}));
  EXPECT_TRUE(tests::put(*job_.tier, fields, {}, pattern(1, 1500)));
  EXPECT_TRUE(holds(job_.get("a").value(), pattern(1, 300)));
  ASSERT_TRUE(job_.put("large", 2, {}, 1200)) << "larger than what may be unwritten";
  EXPECT_TRUE(is_kept("large"));
}

TEST_F(WriteBackTier, WritesTheLastValueOfANameThatIsReplaced) {
  gate_->set(true, false);
  std::uint64_t generation = 0;
  for (std::uint64_t round = 0; round < 100; ++round) {
    const auto sealed = job_.put("clock", round, {SealMode::replace, generation});
    ASSERT_TRUE(sealed) << sealed.error();
    generation = sealed->generation;
  }
  EXPECT_LE(job_.memory->keys_of_node(records).size(), 2U);
  gate_->stores = 0;
  gate_->set(false, false);
  ASSERT_TRUE(job_.tier->flush({}));
  EXPECT_LE(gate_->stores, 2);
  EXPECT_TRUE(holds(Job(gate_).get("clock").value(), pattern(99, 100)));
  EXPECT_TRUE(job_.memory->keys_of_node(records).empty());
}

TEST_F(WriteBackTier, PutsAndWritesBatchesTogether) {
  gate_->set(true, false);
  ASSERT_TRUE(job_.put("first", 1));
  gate_->wait_for_a_call();
  (void)gate_->probe().batch_calls();
  const std::vector<std::string> names{"a", "b", "c", "d"};
  for (const auto& one : job_.put_all(names, 50)) {
    ASSERT_TRUE(one) << one.error();
  }
  EXPECT_EQ(gate_->probe().batch_calls(), std::vector<std::string>{"load 4"}) << "whether it has the names";
  EXPECT_EQ(code_of(job_.put_all({"a"}, 50)[0]), Errc::key_exists);
  EXPECT_EQ(job_.memory->keys_of_node(records).size(), 5U);
  EXPECT_NE(job_.tier->describe().find("5 names, 300 bytes"), std::string::npos) << job_.tier->describe();
  (void)gate_->probe().batch_calls();
  gate_->set(false, false);
  ASSERT_TRUE(job_.tier->flush({}));
  EXPECT_EQ(gate_->probe().batch_calls(), (std::vector<std::string>{"store 1", "load 4", "store 4"}));
  EXPECT_TRUE(is_kept("d"));
  EXPECT_EQ(code_of(Job(gate_, TierWrites::back).put_all({"a"}, 50)[0]), Errc::key_exists);
  EXPECT_TRUE(job_.memory->keys_of_node(records).empty());
  EXPECT_TRUE(job_.memory->list(claims, {}, {}).value().empty());
  for (const auto& one : job_.put_all({"e", "f", "g"}, 300)) {  // not small: one by one
    EXPECT_TRUE(one) << one.error();
  }
  ASSERT_TRUE(job_.tier->flush({}));
  EXPECT_TRUE(holds(job_.get("g").value(), pattern(2, 300)));
}

TEST_F(WriteBackTier, WritesWhatIsLeftOfALifetime) {
  gate_->set(true, false);
  ASSERT_TRUE(job_.put_for("hour", 1, 1h));
  gate_->wait_for_a_call();
  const std::uint64_t end = job_.get("hour").value().expires_ns();
  ASSERT_TRUE(job_.put_for("brief", 2, 5ms));
  await_end(job_.get("brief").value().expires_ns());
  (void)gate_->probe().batch_calls();
  gate_->set(false, false);
  ASSERT_TRUE(job_.tier->flush({}));
  EXPECT_EQ(gate_->probe().batch_calls(), std::vector<std::string>{"store 1"})
      << "what has expired is not written";
  EXPECT_TRUE(job_.memory->keys_of_node(records).empty());
  const auto kept = job_.back.state()->connector().get({fields, "hour"}, {}).value();
  EXPECT_LE(kept.expires_ns(), end + 100'000'000);
  EXPECT_GT(kept.expires_ns(), end - 60'000'000'000) << "it counts from the put";
}

// What the backend has had before would be found again, once the new object has expired.
TEST_F(WriteBackTier, NoOlderValueComesBackWhenALifetimeEnds) {
  ASSERT_TRUE(job_.put("T", 1));
  ASSERT_TRUE(job_.tier->flush({}));
  ASSERT_TRUE(is_kept("T"));
  const std::uint64_t generation = job_.get("T").value().facts().generation;
  gate_->stores = 0;
  ASSERT_TRUE(job_.put_for("T", 2, 20ms, {SealMode::replace, generation}));
  EXPECT_EQ(gate_->stores, 1) << "it is written when the call returns";
  const std::uint64_t end = job_.get("T").value().expires_ns();
  EXPECT_EQ(code_of(job_.put_for("T", 3, 20ms, {SealMode::replace, generation})), Errc::stale);
  await_end(end);
  job_.tier->expiring()->sweep();
  EXPECT_EQ(code_of(job_.get("T")), Errc::not_found);
  EXPECT_EQ(code_of(Job(gate_).get("T")), Errc::not_found);
  EXPECT_TRUE(job_.put("T", 4));
}

// The one with a lifetime is stored first, and finds then that memory has another generation.
TEST_F(WriteBackTier, OfTwoReplacementsOfOneGenerationOneSucceeds) {
  ASSERT_TRUE(job_.put("T", 1));
  ASSERT_TRUE(job_.tier->flush({}));
  const std::uint64_t generation = job_.get("T").value().facts().generation;
  gate_->set(true, false);
  Errc code{};
  std::thread slow([&] { code = code_of(job_.put_for("T", 2, 1h, {SealMode::replace, generation})); });
  gate_->wait_for_a_call();
  EXPECT_TRUE(job_.put("T", 3, {SealMode::replace, generation}));
  gate_->set(false, false);
  slow.join();
  EXPECT_EQ(code, Errc::stale);
  EXPECT_TRUE(holds(job_.get("T").value(), pattern(3, 100)));
  ASSERT_TRUE(job_.tier->flush({}));
  EXPECT_TRUE(holds(Job(gate_).get("T").value(), pattern(3, 100)));
}

TEST_F(WriteBackTier, TellsThatTheBackendFailsAndTriesAgain) {
  gate_->set(false, true);
  ASSERT_TRUE(job_.put("T", 1));
  EXPECT_EQ(code_of(job_.tier->flush({})), Errc::peer_lost);
  EXPECT_NE(job_.tier->describe().find("told to fail"), std::string::npos);
  EXPECT_TRUE(holds(job_.get("T").value(), pattern(1, 100)));
  gate_->set(false, false);
  EXPECT_TRUE(job_.tier->flush({}));
  EXPECT_TRUE(is_kept("T"));
}

// Two ranks of a node: one memory, of which one dies with names that it has not written.
TEST_F(WriteBackTier, WritesWhatADeadRankHasLeft) {
  gate_->set(false, true);
  ASSERT_TRUE(job_.put("T", 1));
  EXPECT_FALSE(job_.tier->flush({}));
  job_.tier->close();
  gate_->set(false, false);
  const auto survivor = open_tier(job_.memory, connector_of(job_.back),
                                  {.writes = TierWrites::back,
                                   .timeout = 20s,
                                   .claims_store = claims,
                                   .unwritten_store = records,
                                   .lost_mates = [] { return std::vector<int>{0}; }});
  EXPECT_TRUE(survivor->flush({}));
  EXPECT_TRUE(is_kept("T"));
  EXPECT_TRUE(job_.memory->keys_of_node(records).empty());
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
  const auto stand_in = store.proxy<double[]>("T").value();
  EXPECT_EQ(locum::proxy<double[]>(stand_in.handle())->size(), 100U);
  EXPECT_TRUE(store.evict("a").value());
  EXPECT_EQ(session.drop("run").value(), 4U);
  EXPECT_EQ(code_of(Job(backend).back.number_of("run")), Errc::not_found);
  EXPECT_EQ(code_of(store.get<int>("b")), Errc::closed);
}

}  // namespace
}  // namespace locum::tests
