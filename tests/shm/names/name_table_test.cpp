#include "shm/names/name_table.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <set>
#include <string>
#include <thread>

#include "tests/shm/player.hpp"

namespace locum::shm::name_table_test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using tests::code;
using tests::in;
using tests::make_segment;
using tests::Player;

constexpr std::uint32_t store = 7;

class NameTableTest : public testing::Test {
 protected:
  std::shared_ptr<Segment> segment_ = make_segment(3);
  Player first_{segment_, 0, 4_MiB};
  Player second_{segment_, 1, 1_MiB};
  Player third_{segment_, 2, 1_MiB};
};

TEST_F(NameTableTest, FindsWhatAnotherProcessBound) {
  EXPECT_EQ(code(second_.names->find(store, "density")), Errc::not_found);
  const std::uint64_t generation = first_.put(store, "density", 42).value();
  EXPECT_GT(generation, 0U);
  const Pin pin = second_.names->find(store, "density").value();
  EXPECT_EQ(pin.generation, generation);
  EXPECT_EQ(pin.key.creator, Player::first_rank);
  EXPECT_EQ(second_.word(pin), 42U);
  second_.objects->release(pin.id);
  EXPECT_EQ(third_.names->generation(name_hash(store, "density")).value(), generation);

  EXPECT_EQ(code(second_.names->find(store + 1, "density")), Errc::not_found) << "another store";
  EXPECT_EQ(code(second_.names->find(store, "densit")), Errc::not_found);
  EXPECT_EQ(third_.names->generation(name_hash(store, "densit")).value(), 0U);
}

TEST_F(NameTableTest, LeavesALiveNameToWhoPutItFirst) {
  (void)first_.put(store, "x", 1).value();
  const auto refused = second_.put(store, "x", 2);
  EXPECT_EQ(code(refused), Errc::key_exists);
  EXPECT_EQ(refused.error().key(), "x");
  EXPECT_EQ(third_.get(store, "x").value(), 1U);
  EXPECT_EQ(second_.put(store + 1, "x", 3).has_value(), true) << "each store has its own names";
  EXPECT_EQ(third_.get(store, "x").value(), 1U);
  EXPECT_EQ(third_.get(store + 1, "x").value(), 3U);
}

TEST_F(NameTableTest, ReplacesAtomicallyAndByGeneration) {
  EXPECT_EQ(code(first_.replace(store, "x", 1, 5)), Errc::not_found) << "nothing to replace";
  const std::uint64_t one = first_.replace(store, "x", 1).value();
  const Pin old = third_.names->find(store, "x").value();
  const std::uint64_t two = second_.replace(store, "x", 2, one).value();
  EXPECT_GT(two, one);
  EXPECT_EQ(code(first_.replace(store, "x", 3, one)), Errc::stale);
  EXPECT_EQ(third_.get(store, "x").value(), 2U);
  EXPECT_EQ(third_.names->generation(name_hash(store, "x")).value(), two);

  EXPECT_EQ(third_.word(old), 1U) << "a view of the old generation stays";
  EXPECT_EQ(code(third_.objects->pin(old.key)), Errc::not_found);
  EXPECT_EQ(first_.collect().objects, 1U);
  third_.objects->release(old.id);
  EXPECT_EQ(first_.collect().objects, 0U);
}

TEST_F(NameTableTest, UnbindsANameOrOnlyOneObject) {
  EXPECT_FALSE(first_.names->unbind(store, "x", Key{}).value());
  (void)first_.put(store, "x", 1).value();
  const Pin old = second_.names->find(store, "x").value();
  (void)second_.replace(store, "x", 2).value();
  EXPECT_FALSE(third_.names->unbind(store, "x", old.key).value()) << "that object was replaced";
  EXPECT_EQ(first_.get(store, "x").value(), 2U);
  EXPECT_TRUE(third_.names->unbind(store, "x", Key{}).value());
  EXPECT_EQ(code(first_.names->find(store, "x")), Errc::not_found);
  EXPECT_FALSE(third_.names->unbind(store, "x", Key{}).value());
  EXPECT_EQ(third_.names->generation(name_hash(store, "x")).value(), 0U);
  second_.objects->release(old.id);

  const std::uint64_t again = third_.put(store, "x", 3).value();
  EXPECT_GT(again, old.generation) << "no generation is reused";
  const Pin now = first_.names->find(store, "x").value();
  first_.objects->release(now.id);
  EXPECT_TRUE(first_.names->unbind(store, "x", now.key).value());
}

TEST_F(NameTableTest, TakesNamesOfAnyBytesAndLengths) {
  using namespace std::string_literals;
  std::string all_bytes;
  for (int byte = 0; byte < 256; ++byte) {
    all_bytes.push_back(static_cast<char>(byte));
  }
  const std::vector<std::string> names{"a",
                                       "a\0"s,
                                       "\0"s,
                                       "\0\0"s,
                                       all_bytes,
                                       "ρ/密度/плотность",
                                       std::string(64 * 1024, 'n'),
                                       std::string(64 * 1024 - 1, 'n'),
                                       std::string(64 * 1024 - 1, 'n') + 'm'};
  for (std::size_t i = 0; i < names.size(); ++i) {
    (void)first_.put(store, names[i], i).value();
  }
  for (std::size_t i = 0; i < names.size(); ++i) {
    EXPECT_EQ(second_.get(store, names[i]).value(), i);
  }
  EXPECT_EQ(second_.names->names(store, "a").value().size(), 2U);
  EXPECT_EQ(second_.names->names(store, "\0"s).value().size(), 3U);
  EXPECT_EQ(second_.names->names(store, "ρ/").value(), std::vector<std::string>{names[5]});
  EXPECT_TRUE(second_.names->names(store + 1, "").value().empty());
  const auto every = third_.names->names(store, "").value();
  EXPECT_EQ(std::set<std::string>(every.begin(), every.end()),
            std::set<std::string>(names.begin(), names.end()));
  EXPECT_EQ(every.size(), names.size());
}

// Another name of 16 bytes with the same hash (hash64 takes words of eight): the second word reverts the
// change of the state by the first.
std::string of_equal_hash(const std::string& name, std::uint64_t difference) {
  constexpr std::uint64_t k0 = 0x9E3779B97F4A7C15U;
  constexpr std::uint64_t k1 = 0xD6E8FEB86659FD93U;
  std::array<std::uint64_t, 2> words{};
  std::memcpy(words.data(), name.data(), sizeof words);
  const std::uint64_t start = detail::fold_multiply(name.size() + k1, store ^ k0);
  const auto after = [&](std::uint64_t word) { return detail::fold_multiply(start ^ word, k0) + k1; };
  words[1] ^= after(words[0]) ^ after(words[0] ^ difference);
  words[0] ^= difference;
  return {reinterpret_cast<const char*>(words.data()), sizeof words};
}

// Names with the same hash are distinguished by comparing the names themselves.
TEST_F(NameTableTest, TellsNamesOfEqualHashApart) {
  const std::string wanted = "wanted, and some";
  for (const std::uint64_t difference : {1U, 2U, 256U, 512U}) {
    const std::string impostor = of_equal_hash(wanted, difference);
    ASSERT_EQ(name_hash(store, impostor), name_hash(store, wanted));
    ASSERT_NE(impostor, wanted);
    (void)first_.put(store, impostor, 13).value();
  }
  EXPECT_EQ(code(second_.names->find(store, wanted)), Errc::not_found);
  EXPECT_FALSE(second_.names->unbind(store, wanted, Key{}).value());
  (void)second_.put(store, wanted, 42).value();
  EXPECT_EQ(third_.get(store, wanted).value(), 42U);
  EXPECT_EQ(third_.names->names(store, "").value().size(), 5U);
  EXPECT_TRUE(third_.names->unbind(store, wanted, Key{}).value());
  EXPECT_EQ(third_.names->names(store, "").value().size(), 4U);
}

// Equal hashes do not occur by chance, so a record with a wrong hash is damaged.
TEST_F(NameTableTest, DoesNotBelieveANameThatHasAnotherHash) {
  const Key key = first_.publish(store, "Wanted", 13, name_hash(store, "wanted")).value();
  EXPECT_EQ(code(first_.names->bind(key, {})), Errc::corrupt);
}

TEST_F(NameTableTest, DoesNotFollowAnEntryOutOfTheMapping) {
  (void)first_.put(store, "x", 1).value();
  auto& entry = *reinterpret_cast<Entry*>(segment_->base() + segment_->geometry().entries_offset(0));
  const ObjectRecord whole = entry.record;
  for (const std::uint64_t wild :
       {segment_->geometry().total_bytes(), ~std::uint64_t{0}, std::uint64_t{1} << 62U}) {
    entry.record = whole;
    entry.record.offset = wild;
    EXPECT_EQ(code(second_.names->find(store, "x")), Errc::corrupt);
    entry.record = whole;
    entry.record.size_bytes = wild;
    EXPECT_EQ(code(second_.names->find(store, "x")), Errc::corrupt);
    EXPECT_EQ(code(second_.names->names(store, "")), Errc::corrupt);
  }
  entry.record = whole;
  EXPECT_EQ(second_.get(store, "x").value(), 1U);
}

// A live name, and an object of it that is published but not bound yet: two words of a record, read while it
// is replaced, can name that object.
TEST_F(NameTableTest, DoesNotBelieveAnObjectThatIsNotBoundYet) {
  (void)first_.put(store, "x", 1).value();
  (void)second_.publish(store, "x", 2).value();  // the same serial, by another creator
  DirectoryShard shard(*segment_, static_cast<std::uint32_t>(name_hash(store, "x") >> 58U));
  EXPECT_EQ(third_.get(store, "x").value(), 1U);
  shard.record(0).creator.store(Player::first_rank + 1, std::memory_order_release);
  EXPECT_EQ(code(third_.names->find(store, "x")), Errc::not_found);
  shard.record(0).creator.store(Player::first_rank, std::memory_order_release);
  EXPECT_EQ(third_.get(store, "x").value(), 1U);
}

// Invariant 2: readers detect that chains were changed during their look-up.
TEST_F(NameTableTest, CountsEachChangeThatCanLeadAReaderAstray) {
  const auto sequence = [this](std::string_view name) {
    return segment_->shard(static_cast<std::uint32_t>(name_hash(store, name) >> 58U)).sequence.load();
  };
  (void)first_.put(store, "x", 1).value();
  const std::uint64_t bound = sequence("x");
  EXPECT_EQ(bound % 2, 0U);
  (void)second_.replace(store, "x", 2).value();
  const std::uint64_t replaced = sequence("x");
  EXPECT_EQ(replaced, bound + 2);
  EXPECT_TRUE(third_.names->unbind(store, "x", {}).value());
  EXPECT_EQ(sequence("x"), replaced + 2);

  // A shard begins with 64 buckets; the 65th name in it splits one.
  const std::uint64_t shard = name_hash(store, "x") >> 58U;
  int names = 0;
  for (int i = 0; names < 65; ++i) {
    const std::string name = "n" + std::to_string(i);
    if (name_hash(store, name) >> 58U == shard) {
      EXPECT_EQ(sequence("x"), replaced + 2) << names;
      (void)first_.put(store, name, 1).value();
      ++names;
    }
  }
  EXPECT_EQ(sequence("x"), replaced + 4);
}

TEST_F(NameTableTest, GrowsWithItsNamesAndKeepsChainsShort) {
  constexpr std::size_t count = 30'000;
  const auto name_of = [](std::size_t i) { return "field/" + std::to_string(i); };
  for (std::size_t i = 0; i < count; ++i) {
    Player& player = i % 3 == 0 ? second_ : first_;
    const auto bound = player.put(store, name_of(i), i);
    ASSERT_TRUE(bound) << i << bound.error();
  }
  std::size_t records = 0;
  std::size_t longest = 0;
  std::size_t steps = 0;
  for (std::uint32_t index = 0; index < shard_count; ++index) {
    const DirectoryShard shard(*segment_, index);
    const std::uint32_t buckets = shard.state().buckets.load();
    EXPECT_GE(buckets, shard.state().live_records.load());
    auto* heads = reinterpret_cast<Word32*>(segment_->base() + segment_->geometry().buckets_offset(index));
    for (std::uint32_t bucket = 0; bucket < buckets; ++bucket) {
      std::size_t length = 0;
      for (std::uint32_t next = heads[bucket].load(); next != 0; next = shard.record(next - 1).next.load()) {
        steps += ++length;
        ++records;
      }
      longest = std::max(longest, length);
    }
  }
  EXPECT_EQ(records, count);
  EXPECT_LE(longest, 10U);
  EXPECT_LE(steps, count * 17 / 10) << "records read to find a name, 1.7 on average";
  for (std::size_t i = 0; i < count; ++i) {
    const auto value = third_.get(store, name_of(i));
    ASSERT_TRUE(value) << i;
    EXPECT_EQ(*value, i);
  }
  EXPECT_EQ(third_.names->names(store, "field/1").value().size(), 11'111U);  // 1, 1x, 1xx, 1xxx, 1xxxx

  // Removed and put again, they take no more memory.
  const std::uint64_t committed = segment_->committed_bytes();
  for (std::size_t i = 0; i < count; ++i) {
    EXPECT_TRUE(third_.names->unbind(store, name_of(i), Key{}).value());
  }
  EXPECT_TRUE(third_.names->names(store, "").value().empty());
  (void)first_.collect();
  (void)second_.collect();
  for (std::size_t i = 0; i < count; ++i) {
    Player& player = i % 3 == 0 ? second_ : first_;
    ASSERT_TRUE(player.put(store, name_of(i), i)) << i;
  }
  EXPECT_EQ(segment_->committed_bytes(), committed);
}

TEST(NameTable, SaysWhenMemoryIsFullAndGoesOnAfterAnUnbind) {
  const auto segment = make_segment(1, 4_MiB);
  Player player(segment, 0, 1_MiB);
  // Entries and blocks for more objects than there will be names; then all but 130 pages of memory.
  for (int i = 0; i < 10'000; ++i) {
    EXPECT_TRUE(player.objects->tombstone(player.publish(store, "0000").value()));
  }
  (void)player.collect();
  const std::uint64_t left = 4_MiB - segment->committed_bytes();
  segment->commit(segment->geometry().arena_offset(0) + 1_MiB, left / 4_KiB * 4_KiB - 130 * 4_KiB).value();
  std::size_t put = 0;
  for (;; ++put) {
    const auto bound = player.put(store, std::to_string(put), put);
    if (!bound) {
      EXPECT_EQ(bound.error().code(), Errc::out_of_memory);
      EXPECT_EQ(bound.error().key(), std::to_string(put));
      break;
    }
  }
  EXPECT_GT(put, 4000U);
  for (std::size_t i = 0; i < put; ++i) {
    EXPECT_EQ(player.get(store, std::to_string(i)).value(), i);
  }
  EXPECT_EQ(code(player.names->find(store, std::to_string(put))), Errc::not_found);
  for (std::size_t i = 0; i < put; ++i) {
    EXPECT_TRUE(player.names->unbind(store, std::to_string(i), Key{}).value());
  }
  (void)player.collect();
  EXPECT_TRUE(player.put(store, std::to_string(0), 1));
}

TEST_F(NameTableTest, WaitsAsleepUntilItIsWoken) {
  (void)first_.put(store, "there", 1).value();
  const Pin at_once = second_.names->wait(store, "there", in(milliseconds(0))).value();
  second_.objects->release(at_once.id);

  std::atomic<bool> woken{false};
  rusage before{};
  rusage after{};
  std::thread waiter([&] {
    ::getrusage(RUSAGE_THREAD, &before);
    const auto pin = second_.names->wait(store, "later", in(seconds(20)));
    ::getrusage(RUSAGE_THREAD, &after);
    woken = true;
    ASSERT_TRUE(pin) << pin.error();
    EXPECT_EQ(second_.word(*pin), 2U);
    second_.objects->release(pin->id);
  });
  // Another waiter, for a name that is never bound, ends when half a second is over.
  const auto start = Deadline::Clock::now();
  EXPECT_EQ(code(third_.names->wait(store, "never", in(milliseconds(500)))), Errc::timeout);
  const auto waited = Deadline::Clock::now() - start;
  EXPECT_GE(waited, milliseconds(500));
  EXPECT_LT(waited, seconds(10));
  EXPECT_FALSE(woken);
  (void)first_.put(store, "later", 2).value();
  waiter.join();
  const auto cpu_us = [](const rusage& usage) {
    return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1'000'000 + usage.ru_utime.tv_usec +
           usage.ru_stime.tv_usec;
  };
  EXPECT_GE(after.ru_nvcsw - before.ru_nvcsw, 1) << "it slept";
  EXPECT_LE(after.ru_nvcsw - before.ru_nvcsw, 40) << "and was not kept awake";
  EXPECT_LT(cpu_us(after) - cpu_us(before), 100'000) << "of 500 ms";
}

// A writer of another name of the same shard clears the flag that requests a wake-up.
TEST_F(NameTableTest, AsksAgainToBeWokenOnceAnotherNameWasBound) {
  const auto shard_of = [](const std::string& name) { return shard_index(name_hash(store, name)); };
  const Word32& flag = segment_->shard(shard_of("later")).waiting;
  const auto asks = [&flag, end = in(seconds(20))] {
    while (flag.load() == 0 && Deadline::Clock::now() < end) {
      std::this_thread::yield();
    }
    return flag.load() != 0;
  };
  std::thread waiter([&] {
    const auto pin = second_.names->wait(store, "later", in(seconds(60)));
    ASSERT_TRUE(pin) << pin.error();
    second_.objects->release(pin->id);
  });
  for (int others = 0, number = 0; others < 3; ++number) {
    const std::string other = std::to_string(number);
    if (shard_of(other) == shard_of("later")) {
      EXPECT_TRUE(asks()) << "after " << others << " others";
      (void)first_.put(store, other, 1).value();
      ++others;
    }
  }
  EXPECT_TRUE(asks());
  (void)first_.put(store, "later", 2).value();
  waiter.join();
}

}  // namespace
}  // namespace locum::shm::name_table_test
