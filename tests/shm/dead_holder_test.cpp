#include <gtest/gtest.h>
#include <linux/futex.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <bit>
#include <cerrno>
#include <csignal>
#include <functional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "shm/names/name_table.hpp"
#include "tests/shm/child.hpp"
#include "tests/shm/player.hpp"

// A process dies, or stops, while it holds the lock of a shard of the directory. The dying child makes the
// writer's stores one by one, up to each of them in turn.
namespace locum::shm::dead_holder_test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using tests::code;
using tests::Ending;
using tests::in_child;
using tests::make_segment;
using tests::Player;

constexpr std::uint32_t store = 7;
constexpr const char* name = "wanted";

/// One step of a writer, a store to shared memory.
using Store = std::function<void()>;

class DeadHolderTest : public testing::Test {
 protected:
  std::shared_ptr<Segment> segment_ = make_segment(2);
  Player dying_{segment_, 0, 1_MiB};
  Player survivor_{segment_, 1, 1_MiB};
  DirectoryShard shard_{*segment_, static_cast<std::uint32_t>(name_hash(store, name) >> 58U)};
  std::vector<std::string> others_;  // names of the same shard

  DeadHolderTest() {
    for (int i = 0; others_.size() < 150; ++i) {
      const std::string other = "other" + std::to_string(i);
      if (name_hash(store, other) >> 58U == shard_.index()) {
        others_.push_back(other);
      }
    }
    for (std::size_t i = 0; i < others_.size(); ++i) {
      (void)survivor_.put(store, others_[i], i).value();
    }
    // A free record in the middle.
    EXPECT_TRUE(survivor_.names->unbind(store, others_[70], Key{}).value());
    others_.erase(others_.begin() + 70);
    (void)survivor_.collect();
  }

  void die_after(const std::vector<Store>& stores, std::size_t count) {
    const Ending ending = in_child([&] {
      RobustLock lock(shard_.state().lock, Deadline::Clock::now() + seconds(10));
      if (lock.outcome() != RobustLock::Outcome::held) {
        return std::string("the lock was not free");
      }
      for (std::size_t i = 0; i < count; ++i) {
        stores[i]();
      }
      ::_exit(77);
    });
    ASSERT_EQ(ending.exit_code, 77) << ending.said;
  }

  Store intend(Intent::Step step, std::uint32_t record, const Key& fresh, const Key& old,
               std::uint64_t generation) {
    return [=, this] {
      Intent& intent = shard_.state().intent;
      intent.record = record;
      intent.hash = name_hash(store, name);
      intent.generation = generation;
      intent.new_object = fresh.serial;
      intent.new_creator = fresh.creator;
      intent.old_object = old.serial;
      intent.old_creator = old.creator;
      intent.step.store(static_cast<std::uint32_t>(step), std::memory_order_release);
    };
  }
  Word32& head() {
    const std::uint64_t hash = name_hash(store, name);
    const std::uint32_t buckets = shard_.state().buckets.load();
    const std::uint32_t mask = std::bit_ceil(buckets) - 1;
    std::uint32_t bucket = static_cast<std::uint32_t>(hash) & mask;
    bucket = bucket < buckets ? bucket : bucket & (mask >> 1U);
    return reinterpret_cast<Word32*>(segment_->base() +
                                     segment_->geometry().buckets_offset(shard_.index()))[bucket];
  }

  // Everything else still exists, once, and the shard can be changed.
  void expect_whole() {
    for (std::size_t i = 0; i < others_.size(); ++i) {
      EXPECT_TRUE(survivor_.get(store, others_[i])) << others_[i];
    }
    const auto listed = survivor_.names->names(store, "other").value();
    EXPECT_EQ(std::set<std::string>(listed.begin(), listed.end()),
              std::set<std::string>(others_.begin(), others_.end()));
    EXPECT_EQ(listed.size(), others_.size());
    EXPECT_EQ(shard_.state().sequence.load() % 2, 0U);
    EXPECT_EQ(shard_.state().intent.step.load(), 0U);
    EXPECT_EQ(shard_.state().live_records.load(), survivor_.names->names(store, "").value().size());
    std::uint32_t free_records = 0;
    for (std::uint32_t next = shard_.state().free_record.load(); next != 0;
         next = shard_.record(next - 1).next.load()) {
      ASSERT_LE(++free_records, shard_.records_used());
    }
    EXPECT_EQ(shard_.state().live_records.load() + free_records, shard_.records_used());
  }
  // The next writer of the shard: one of several processes.
  void another_writer_comes() {
    const std::string& other = others_.front();
    EXPECT_TRUE(survivor_.names->unbind(store, other, Key{}).value());
    (void)survivor_.put(store, other, 1).value();
    EXPECT_EQ(code(survivor_.put(store, other, 1)), Errc::key_exists);
  }
};

TEST_F(DeadHolderTest, FinishesAnInsertThatWasCutAnywhere) {
  Shard& state = shard_.state();
  constexpr std::size_t all = 10;
  for (std::size_t count = 1; count <= all; ++count) {
    const bool reuse = count % 2 == 0;  // of a free record, or a fresh one
    const std::uint32_t index = reuse ? state.free_record.load() - 1 : state.records_used.load();
    ASSERT_LT(index, state.records.load());
    const Key key = dying_.publish(store, name, 42).value();
    const std::uint64_t generation = segment_->header().generation.fetch_add(1) + 1;
    Record& record = shard_.record(index);
    const std::vector<Store> stores{
        intend(Intent::Step::insert, index, key, {}, generation),
        [&] { record.creator.store(key.creator); },
        [&] { record.object.store(key.serial); },
        [&] { record.generation.store(generation); },
        [&] { record.hash.store(name_hash(store, name)); },
        [&] {
          if (reuse) {
            state.free_record.store(record.next.load());
          } else {
            state.records_used.store(index + 1);
          }
        },
        [&] { record.next.store(head().load()); },
        [&] { head().store(index + 1); },
        [&] { state.live_records.fetch_add(1); },
        [&] { dying_.objects->generation(key)->store(generation); },
    };
    ASSERT_EQ(stores.size(), all);
    die_after(stores, count);
    const bool found = survivor_.get(store, name).has_value();
    EXPECT_EQ(survivor_.names->names(store, name).value().size(), found ? 1U : 0U)
        << "readers agree before the repair, too: " << count;
    another_writer_comes();
    EXPECT_EQ(survivor_.get(store, name).value(), 42U) << count;
    EXPECT_EQ(survivor_.names->generation(name_hash(store, name)).value(), generation);
    EXPECT_EQ(code(survivor_.put(store, name, 1)), Errc::key_exists);
    expect_whole();
    EXPECT_TRUE(survivor_.names->unbind(store, name, Key{}).value());
    expect_whole();
    EXPECT_EQ(survivor_.collect().objects + dying_.collect().objects, 0U);
  }
}

TEST_F(DeadHolderTest, FinishesAReplacementThatWasCutAnywhere) {
  Shard& state = shard_.state();
  constexpr std::size_t all = 8;
  for (std::size_t count = 1; count <= all; ++count) {
    for (const bool reader_first : {true, false}) {
      (void)survivor_.put(store, name, 1).value();
      const Pin old = survivor_.names->find(store, name).value();
      const std::uint32_t index = [&] {
        std::uint32_t found = 0;
        (void)shard_.visit_chain(name_hash(store, name), [&](std::uint32_t at) { return found = at, true; });
        return found;
      }();
      const Key key = dying_.publish(store, name, 2).value();
      const std::uint64_t generation = segment_->header().generation.fetch_add(1) + 1;
      Record& record = shard_.record(index);
      const std::vector<Store> stores{
          intend(Intent::Step::replace, index, key, old.key, generation),
          [&] { dying_.objects->generation(key)->store(generation); },
          [&] { state.sequence.fetch_add(1); },
          [&] { record.creator.store(key.creator); },
          [&] { record.object.store(key.serial); },
          [&] { record.generation.store(generation); },
          [&] { (void)dying_.objects->tombstone(old.key); },
          [&] { state.sequence.fetch_add(1); },
      };
      ASSERT_EQ(stores.size(), all);
      die_after(stores, count);
      // A reader finds either object, whatever state the record is in.
      if (reader_first) {
        const auto value = survivor_.get(store, name);
        ASSERT_TRUE(value) << count << value.error();
        EXPECT_TRUE(*value == 1 || *value == 2) << *value;
      }
      another_writer_comes();
      EXPECT_EQ(survivor_.get(store, name).value(), 2U) << count;
      EXPECT_EQ(survivor_.names->generation(name_hash(store, name)).value(), generation);
      EXPECT_EQ(code(survivor_.objects->pin(old.key)), Errc::not_found);
      EXPECT_EQ(survivor_.word(old), 1U) << "the view stays valid";
      expect_whole();
      EXPECT_EQ(survivor_.collect().objects, 1U);
      survivor_.objects->release(old.id);
      EXPECT_EQ(survivor_.collect().objects, 0U);
      EXPECT_TRUE(survivor_.names->unbind(store, name, Key{}).value());
      (void)dying_.collect();
    }
  }
}

TEST_F(DeadHolderTest, FinishesARemovalThatWasCutAnywhere) {
  Shard& state = shard_.state();
  constexpr std::size_t all = 9;
  for (std::size_t count = 1; count <= all; ++count) {
    for (const bool reader_first : {true, false}) {
      (void)survivor_.put(store, name, 1).value();
      const Pin old = survivor_.names->find(store, name).value();
      survivor_.objects->release(old.id);
      std::uint32_t index = 0;
      (void)shard_.visit_chain(name_hash(store, name), [&](std::uint32_t at) { return index = at, true; });
      ASSERT_EQ(head().load(), index + 1) << "the newest is the first of its chain";
      Record& record = shard_.record(index);
      const std::vector<Store> stores{
          intend(Intent::Step::remove, index, {}, old.key, 0),
          [&] { state.sequence.fetch_add(1); },
          [&] { (void)dying_.objects->tombstone(old.key); },
          [&] { head().store(record.next.load()); },
          [&] { record.hash.store(0); },
          [&] { record.next.store(state.free_record.load()); },
          [&] { state.free_record.store(index + 1); },
          [&] { state.live_records.fetch_sub(1); },
          [&] { state.sequence.fetch_add(1); },
      };
      ASSERT_EQ(stores.size(), all);
      die_after(stores, count);
      if (reader_first && count >= 3) {
        EXPECT_EQ(code(survivor_.names->find(store, name)), Errc::not_found) << count;
      }
      another_writer_comes();
      EXPECT_EQ(code(survivor_.names->find(store, name)), Errc::not_found) << count;
      EXPECT_EQ(code(survivor_.objects->pin(old.key)), Errc::not_found);
      EXPECT_EQ(survivor_.names->generation(name_hash(store, name)).value(), 0U);
      expect_whole();
      EXPECT_EQ(survivor_.collect().objects, 0U);
    }
  }
}

TEST_F(DeadHolderTest, MakesBrokenChainsAnew) {
  Shard& state = shard_.state();
  auto* heads =
      reinterpret_cast<Word32*>(segment_->base() + segment_->geometry().buckets_offset(shard_.index()));
  const std::vector<std::vector<Store>> damages{
      {[&] { state.sequence.fetch_add(1); },
       [&] {
         for (std::uint32_t bucket = 0; bucket < state.buckets.load(); ++bucket) {
           heads[bucket].store(0);
         }
       }},
      {[&] {
        for (std::uint32_t at = 0; at < state.records_used.load(); ++at) {
          shard_.record(at).next.store(at + 1);  // each in a cycle of itself
        }
      }},
      {[&] { state.free_record.store(1); }, [&] { state.live_records.store(0); }},
      {[&] { state.records_used.store(~0U); }},
      {[&] {
        for (std::uint32_t bucket = 0; bucket < state.buckets.load(); ++bucket) {
          heads[bucket].store(~0U);
        }
      }},
  };
  for (const std::vector<Store>& damage : damages) {
    die_after(damage, damage.size());
    another_writer_comes();
    for (const std::string& other : others_) {
      EXPECT_TRUE(survivor_.get(store, other)) << other;
    }
    EXPECT_EQ(survivor_.names->names(store, "").value().size(), others_.size());
    EXPECT_EQ(state.live_records.load(), others_.size());
  }
}

TEST_F(DeadHolderTest, RepairsWithoutAWriterOnceReadersAreStuck) {
  die_after({[&] { shard_.state().sequence.fetch_add(1); }}, 1);
  EXPECT_EQ(code(survivor_.names->find(store, name)), Errc::not_found);
  expect_whole();
}

TEST_F(DeadHolderTest, RepairsAgainWhenTheRepairerDiesToo) {
  (void)survivor_.put(store, name, 1).value();
  const Pin old = survivor_.names->find(store, name).value();
  survivor_.objects->release(old.id);
  std::uint32_t index = 0;
  (void)shard_.visit_chain(name_hash(store, name), [&](std::uint32_t at) { return index = at, true; });
  die_after({intend(Intent::Step::remove, index, {}, old.key, 0)}, 1);
  const Ending ending = in_child([&] {
    const RobustLock lock(shard_.state().lock, Deadline::Clock::now() + seconds(10));
    if (lock.outcome() != RobustLock::Outcome::inherited) {
      return std::string("nothing to inherit");
    }
    shard_.state().sequence.fetch_add(1);
    shard_.record(index).hash.store(0);
    ::_exit(77);
  });
  ASSERT_EQ(ending.exit_code, 77) << ending.said;
  EXPECT_EQ(code(survivor_.names->find(store, name)), Errc::not_found);
  EXPECT_EQ(code(survivor_.objects->pin(old.key)), Errc::not_found);
  expect_whole();
}

TEST_F(DeadHolderTest, WakesWaitersForWhatADeadWriterLeft) {
  const Key key = dying_.publish(store, name, 42).value();
  const std::uint32_t index = shard_.state().records_used.load();
  die_after({intend(Intent::Step::insert, index, key, {}, 1'000)}, 1);
  // The waiter's look-ups succeed, because no sequence is odd; it wakes when the next writer repairs.
  Player waiting(segment_, 0, 0);
  std::thread waiter([&] {
    const auto pin = waiting.names->wait(store, name, Deadline::Clock::now() + seconds(20));
    ASSERT_TRUE(pin) << pin.error();
    EXPECT_EQ(waiting.word(*pin), 42U);
    waiting.objects->release(pin->id);
  });
  while (shard_.state().waiting.load() == 0) {
    std::this_thread::yield();
  }
  another_writer_comes();
  waiter.join();
}

/// A process that is stopped while it holds the lock of a shard.
class StoppedHolder {
 public:
  explicit StoppedHolder(DirectoryShard& shard) {
    std::array<int, 2> pipe{};
    if (::pipe(pipe.data()) != 0) {
      return;
    }
    child_ = ::fork();
    if (child_ == 0) {
      ::alarm(tests::hangs_after_seconds);
      {
        const RobustLock lock(shard.state().lock, Deadline::Clock::now() + seconds(10));
        if (::write(pipe[1], "x", 1) == 1) {
          ::raise(SIGSTOP);
        }
      }
      ::_exit(0);
    }
    char byte = 0;
    holds_ = ::read(pipe[0], &byte, 1) == 1;
    ::close(pipe[0]);
    ::close(pipe[1]);
  }
  StoppedHolder(const StoppedHolder&) = delete;
  StoppedHolder& operator=(const StoppedHolder&) = delete;
  ~StoppedHolder() { die(); }

  [[nodiscard]] bool holds() const { return holds_; }
  void die() { end(SIGKILL); }
  /// Releases the lock.
  void go_on() {
    if (child_ > 0) {
      int status = 0;
      while (::waitpid(child_, &status, WUNTRACED) < 0 && errno == EINTR) {
      }
      end(SIGCONT);
    }
  }

 private:
  void end(int signal) {
    const pid_t child = std::exchange(child_, -1);
    if (child > 0 && ::kill(child, signal) == 0) {
      while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
      }
    }
  }

  pid_t child_ = -1;
  bool holds_ = false;
};

WaitBudget limited(milliseconds longest_wait) {
  return WaitBudget::limited(longest_wait, WaitBudget::Work::little);
}

// A stopped holder is not dead: a call that needs its lock times out, readers continue.
TEST_F(DeadHolderTest, SaysThatAHolderIsStopped) {
  StoppedHolder holder(shard_);
  ASSERT_TRUE(holder.holds());
  Player impatient(segment_, 1, 0, milliseconds(100));
  const Key key = dying_.publish(store, name, 42).value();
  const auto start = Deadline::Clock::now();
  const auto refused = impatient.names->bind(key, {});
  EXPECT_EQ(code(refused), Errc::timeout);
  EXPECT_EQ(refused.error().key(), name);
  EXPECT_EQ(code(impatient.names->unbind(store, others_[0], Key{})), Errc::timeout);
  EXPECT_TRUE(impatient.get(store, others_[0])) << "readers need no lock";
  EXPECT_EQ(code(impatient.names->find(store, name)), Errc::not_found);
  EXPECT_NE(impatient.names->generation(name_hash(store, others_[0])).value(), 0U);
  EXPECT_EQ(impatient.names->generation(name_hash(store, name)).value(), 0U);

  shard_.state().sequence.fetch_add(1);  // as if it had stopped within a change
  EXPECT_TRUE(impatient.get(store, others_[0]));
  EXPECT_EQ(code(impatient.names->find(store, name)), Errc::timeout);
  EXPECT_EQ(code(impatient.names->names(store, "")), Errc::timeout);
  EXPECT_EQ(code(impatient.names->generation(name_hash(store, name))), Errc::timeout) << "not `not_found`";
  EXPECT_EQ(code(survivor_.names->wait(store, name, start + milliseconds(500))), Errc::timeout);
  const auto waited = Deadline::Clock::now() - start;
  EXPECT_GE(waited, milliseconds(500));
  EXPECT_LT(waited, seconds(15));
  shard_.state().sequence.fetch_add(1);

  holder.die();
  EXPECT_TRUE(survivor_.names->bind(key, {})) << "its death passes the lock on";
  EXPECT_EQ(survivor_.get(store, name).value(), 42U);
  expect_whole();
}

// Although the table itself would wait for twenty seconds.
TEST_F(DeadHolderTest, LetsNobodyWaitBeyondHisOwnDeadline) {
  StoppedHolder holder(shard_);
  ASSERT_TRUE(holder.holds());
  const Key key = dying_.publish(store, name, 42).value();
  const auto soon = [] { return Deadline(milliseconds(50)); };
  const auto start = Deadline::Clock::now();
  EXPECT_EQ(code(survivor_.names->bind(key, {}, soon())), Errc::timeout);
  EXPECT_EQ(code(survivor_.names->unbind(store, others_[0], Key{}, soon())), Errc::timeout);
  shard_.state().sequence.fetch_add(1);  // as if it had stopped within a change
  EXPECT_EQ(code(survivor_.names->find(store, name, soon())), Errc::timeout);
  EXPECT_EQ(code(survivor_.names->names(store, "", soon())), Errc::timeout);
  shard_.state().sequence.fetch_add(1);
  const auto waited = Deadline::Clock::now() - start;
  EXPECT_GE(waited, milliseconds(200));
  EXPECT_LT(waited, seconds(10));

  // No call with a limited budget has waited yet.
  const auto began = Deadline::Clock::now();
  EXPECT_EQ(code(survivor_.names->bind(key, {}, limited(milliseconds(200)))), Errc::timeout);
  EXPECT_GE(Deadline::Clock::now() - began, milliseconds(200));
  holder.die();
  EXPECT_TRUE(survivor_.names->bind(key, {}));
  expect_whole();
}

// Calls with a limited budget wait for a stopped holder once, and not again for each request.
TEST_F(DeadHolderTest, WaitsBrieflyAndOnceWhereBudgetsAreLimited) {
  constexpr milliseconds brief{200};
  const WaitBudget budget = limited(brief);
  const auto taken_by = [&](auto call) {
    const auto start = Deadline::Clock::now();
    call();
    return Deadline::Clock::now() - start;
  };
  for (int round = 0; round < 2; ++round) {
    StoppedHolder holder(shard_);
    ASSERT_TRUE(holder.holds());
    const auto first =
        taken_by([&] { EXPECT_EQ(code(survivor_.put(store, name, 1, {}, budget)), Errc::timeout); });
    EXPECT_GE(first, brief) << "round " << round;
    EXPECT_LT(first, seconds(10)) << "the table's own timeout is twice that";
    constexpr int asked = 100;
    const auto others = taken_by([&] {
      for (int time = 0; time < asked; ++time) {
        EXPECT_EQ(code(survivor_.names->unbind(store, others_[0], Key{}, budget)), Errc::timeout);
        EXPECT_EQ(survivor_.names->generation(name_hash(store, name), budget).value(), 0U);
      }
    });
    EXPECT_LT(others, asked * brief / 2) << "round " << round;
    EXPECT_TRUE(survivor_.get(store, others_[0])) << "readers need no lock";
    holder.die();
    another_writer_comes();
  }
  expect_whole();
}

// The stopped process has continued meanwhile, and another one holds the lock now, which releases it in time.
TEST_F(DeadHolderTest, WaitsForAnotherHolderWhereBudgetsAreLimited) {
  StoppedHolder stopped(shard_);
  ASSERT_TRUE(stopped.holds());
  EXPECT_EQ(code(survivor_.put(store, name, 1, {}, limited(milliseconds(50)))), Errc::timeout);
  stopped.go_on();
  StoppedHolder other(shard_);
  ASSERT_TRUE(other.holds());
  std::atomic<bool> is_over{false};
  std::thread requester([&] {
    EXPECT_TRUE(survivor_.put(store, name, 2, {}, limited(seconds(15))));
    is_over.store(true);
  });
  const auto waits = [&] {
    return (shard_.state().lock.__data.__lock & static_cast<int>(FUTEX_WAITERS)) != 0;
  };
  while (!is_over.load() && !waits()) {
    std::this_thread::yield();
  }
  other.go_on();
  requester.join();
  expect_whole();
}

}  // namespace
}  // namespace locum::shm::dead_holder_test
