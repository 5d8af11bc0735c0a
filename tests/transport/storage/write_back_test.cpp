#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
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
#include "tests/transport/storage/tier_scene.hpp"
#include "tests/transport/storage/wrappers/probe_backend.hpp"

namespace locum::tests::tiers {
namespace {

/// A backend that stores nothing while it is shut, and then fails if it is told to.
class Gate final : public Backend, public RecordBatches {
 public:
  const BackendTraits& traits() const noexcept override { return in_->traits(); }
  Result<LoadedRecord> load(const RecordKey& key, std::uint64_t last, Deadline deadline) override {
    return in_->load(key, last, deadline);
  }
  Result<void> store(const RecordKey& key, const NewRecord& record, Deadline deadline) override {
    const auto passed = pass(key, 1, deadline);
    return passed ? in_->store(key, record, deadline) : passed;
  }
  RecordBatches* batches() noexcept override { return this; }
  void load(std::span<const RecordKey> keys, std::uint64_t last, std::span<Result<LoadedRecord>> loaded,
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
  /// flush() returns when all is written; the thread that has written it lets the names go just after that.
  [[nodiscard]] bool lets_all_names_go() const {
    const auto latest = std::chrono::steady_clock::now() + 60s;
    while (!job_.memory->list(claims, {}, {}).value().empty()) {
      if (std::chrono::steady_clock::now() > latest) {
        return false;
      }
      std::this_thread::sleep_for(1ms);
    }
    return true;
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

// A thread may put while another one closes the runtime: what nothing would write is refused, not lost.
TEST_F(WriteBackTier, RefusesPutsOnceNothingIsWrittenAnyMore) {
  ASSERT_TRUE(job_.put("T", 1));
  ASSERT_TRUE(job_.tier->flush({}));
  job_.tier->close();
  EXPECT_EQ(code_of(job_.put("U", 2)), Errc::closed);
  EXPECT_EQ(code_of(job_.get("U")), Errc::not_found) << "nor is it in memory alone";
  EXPECT_TRUE(holds(job_.get("T").value(), pattern(1, 100)));
}

TEST_F(WriteBackTier, LetsPutsWaitWhereTooMuchIsUnwritten) {
  gate_->set(true, false);
  for (const char* name : {"a", "b", "c"}) {
    ASSERT_TRUE(job_.put(name, 1, {}, 300));
    gate_->wait_for_a_call();  // the first is being written, and the others wait for that
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
  EXPECT_TRUE(is_kept("c"));
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
    if (round == 0) {
      gate_->wait_for_a_call();  // the others come while this one is being written
    }
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
  auto calls = gate_->probe().batch_calls();
  if (!calls.empty() &&
      calls.front() == "store 1") {  // else its put still had the claim: then it is no batch
    calls.erase(calls.begin());
  }
  EXPECT_EQ(calls, (std::vector<std::string>{"load 4", "store 4"}));
  EXPECT_TRUE(is_kept("d"));
  EXPECT_EQ(code_of(Job(gate_, TierWrites::back).put_all({"a"}, 50)[0]), Errc::key_exists);
  EXPECT_TRUE(job_.memory->keys_of_node(records).empty());
  EXPECT_TRUE(lets_all_names_go()) << "a claim stays behind";
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
  ASSERT_TRUE(job_.put_for("brief", 2, 250ms));
  await_end(job_.get("brief").value().expires_ns());
  const int stores = gate_->stores;
  gate_->set(false, false);
  ASSERT_TRUE(job_.tier->flush({}));
  EXPECT_EQ(gate_->stores - stores, 1) << "what has expired is not written";
  EXPECT_TRUE(job_.memory->keys_of_node(records).empty());
  const auto kept = job_.back.state()->connector().get({fields, "hour"}, {}).value();
  EXPECT_LE(kept.expires_ns(), end + 200'000'000) << "a lifetime that began now would end 250 ms later";
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
  job_.tier->capability<Expiring>()->sweep();
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
                                   .lost_node_peers = [] { return std::vector<int>{0}; }});
  EXPECT_TRUE(survivor->flush({}));
  EXPECT_TRUE(is_kept("T"));
  EXPECT_TRUE(job_.memory->keys_of_node(records).empty());
}

}  // namespace
}  // namespace locum::tests::tiers
