#include "shm/spill/spiller.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstring>
#include <future>
#include <optional>
#include <semaphore>
#include <string>
#include <thread>
#include <vector>

#include "core/node/cluster.hpp"
#include "core/ports/store_accounts.hpp"
#include "core/value/options.hpp"
#include "shm/names/name_table.hpp"
#include "shm/segment/entry_tag.hpp"
#include "shm/table/entry_record.hpp"
#include "tests/core/code_of.hpp"
#include "tests/core/connector_samples.hpp"
#include "tests/shm/plain_spill_file.hpp"

namespace locum::shm {
namespace {

using namespace std::chrono_literals;
using tests::code_of;
using tests::holds;
using tests::pattern;
using tests::plain_meta;
using tests::put;

constexpr std::uint64_t memory_bytes = 16_MiB;
constexpr std::size_t large = 1_MiB;

/// One process of a node whose objects may leave memory.
struct Process {
  Process(const std::shared_ptr<Segment>& segment, const std::shared_ptr<SpillFile>& file, std::uint32_t own)
      : table(ObjectTable::make(segment, own, {100, 101})),
        spiller(std::make_shared<Spiller>(segment, table, file, 10s)),
        arena(std::make_shared<SharedArena>(segment, own, 64_KiB, 0, SharedArena::Background::thread,
                                            [spiller = spiller](Arena&, SharedArena::Moment, bool) {
                                              return spiller->serve() ? SharedArena::Moment::min()
                                                                      : SharedArena::Moment::max();
                                            })),
        directory(std::make_shared<NameTable>(segment, table, 10s)) {
    spiller->use(*arena);
    segment->share(own).state.store(static_cast<std::uint32_t>(ShareState::present));
    connector = open_cluster({.arena = arena,
                              .table = table,
                              .directory = directory,
                              .timeout = 10s,
                              .lost_node_peers = {},
                              .monitor = nullptr,
                              .spill = spiller});
  }

  std::shared_ptr<ObjectTable> table;
  std::shared_ptr<Spiller> spiller;
  std::shared_ptr<SharedArena> arena;
  std::shared_ptr<NameTable> directory;
  std::shared_ptr<Connector> connector;
};

class SpillerOnNode : public ::testing::Test {
 protected:
  SpillerOnNode() { file_->extend_to(segment_->geometry().total_bytes()).value(); }

  [[nodiscard]] static std::vector<std::byte> value(std::size_t number, std::size_t bytes = large) {
    return pattern(static_cast<int>(number + 1), bytes);
  }
  [[nodiscard]] static std::string name(std::size_t number) { return "n" + std::to_string(number); }
  Result<Sealed> put_one(Process& by, std::size_t number, std::size_t bytes = large) {
    return put(*by.connector, 1, name(number), value(number, bytes));
  }
  [[nodiscard]] EntryState state(const Key& key) const {
    const auto* const entries = reinterpret_cast<const Entry*>(
        segment_->base() + segment_->geometry().entries_offset(key.creator - 100));
    return state_of(entries[slot_of(key.serial)].tag.load());
  }
  void to_disk(Process& owner, const Key& key) {
    for (int round = 0; state(key) != EntryState::on_disk && round < 1000; ++round) {
      ASSERT_TRUE(owner.spiller->make_room(64_KiB, WaitBudget::limited(1ms, WaitBudget::Work::any)));
    }
    ASSERT_EQ(state(key), EntryState::on_disk);
  }

  const std::shared_ptr<Segment> segment_ =
      Segment::create(Geometry::fit(2, memory_bytes, 64_GiB, true), 0x10C0);
  const std::shared_ptr<tests::PlainSpillFile> file_ = tests::plain_spill_file();
  Process first_{segment_, file_, 0};
  Process second_{segment_, file_, 1};
};

TEST_F(SpillerOnNode, HoldsEightTimesItsMemory) {
  constexpr std::size_t count = 8 * memory_bytes / large;
  for (std::size_t number = 0; number < count; ++number) {
    const auto sealed = put_one(number % 2 == 0 ? first_ : second_, number);
    ASSERT_TRUE(sealed) << number << ": " << sealed.error().what();
  }
  EXPECT_LE(segment_->committed_bytes(), memory_bytes);
  for (std::size_t number = 0; number < count; ++number) {
    for (Process* const reader : {&first_, &second_}) {
      const auto found = reader->connector->get({1, name(number)}, {});
      ASSERT_TRUE(found) << number << ": " << found.error().what();
      ASSERT_TRUE(holds(*found, value(number))) << number;
    }
  }
  for (std::size_t number = 0; number < count; ++number) {
    EXPECT_TRUE(second_.connector->evict({1, name(number)}, {}).value());
  }
  for (Process* const each : {&first_, &second_}) {
    const MemoryUsage usage = each->connector->usage();
    EXPECT_EQ(usage.own_used, 0U);
    EXPECT_EQ(usage.own_objects, 0U);
    EXPECT_EQ(usage.own_on_disk, 0U);
  }
  EXPECT_EQ(file_->stored_bytes(), 0U);
}

TEST_F(SpillerOnNode, KeepsMetadataInMemory) {
  const Key key = put_one(first_, 0)->key;
  const auto before = first_.connector->get(key, {})->facts();
  EXPECT_EQ(before.size_bytes, large);
  to_disk(first_, key);
  EXPECT_TRUE(second_.connector->exists(key, {}).value());
  EXPECT_EQ(second_.connector->list(1, "", {}).value(), std::vector<std::string>{name(0)});
  const auto facts =
      second_.connector->get_or_task(Address(1, name(0)), Facts{}, CountsUntil::never, {}).found;
  ASSERT_TRUE(facts);
  EXPECT_EQ(facts->facts().size_bytes, large);
  EXPECT_EQ(facts->facts().name, name(0));
  EXPECT_EQ(second_.connector->keys_of_node(1), std::vector<Key>{key});
  EXPECT_EQ(state(key), EntryState::on_disk);
  const MemoryUsage usage = first_.connector->usage();
  EXPECT_EQ(usage.own_on_disk, 1U);
  EXPECT_EQ(usage.own_disk_bytes, large);
  EXPECT_LT(usage.own_used, 2 * page_bytes);
  const auto of_the_store = [&] {
    const std::vector<StoreUsage> stores = first_.connector->capability<StoreAccounts>()->usage();
    return std::ranges::find(stores, 1U, &StoreUsage::store)->own_disk_bytes;
  };
  EXPECT_EQ(of_the_store(), large);
  EXPECT_TRUE(holds(second_.connector->get(key, {}).value(), value(0)));
  EXPECT_EQ(of_the_store(), 0U);
}

TEST_F(SpillerOnNode, LeavesViewedObjectsAlone) {
  const Key key = put_one(first_, 0)->key;
  const ObjectView view = second_.connector->get(key, {}).value();
  EXPECT_EQ(first_.spiller->make_room(large, WaitBudget::limited(1ms, WaitBudget::Work::any)).value(), 0U);
  EXPECT_EQ(state(key), EntryState::live);
  EXPECT_TRUE(holds(view, value(0)));
}

TEST_F(SpillerOnNode, WritesAnObjectOnce) {
  const Key key = put_one(first_, 0)->key;
  to_disk(first_, key);
  const int writes = file_->writes.load();
  EXPECT_TRUE(holds(second_.connector->get(key, {}).value(), value(0)));
  EXPECT_EQ(state(key), EntryState::live);
  const MemoryUsage usage = first_.connector->usage();
  EXPECT_GE(usage.own_used, large);
  EXPECT_EQ(usage.own_on_disk, 0U);
  to_disk(first_, key);
  EXPECT_EQ(file_->writes.load(), writes);
  EXPECT_TRUE(holds(first_.connector->get(key, {}).value(), value(0)));
}

TEST_F(SpillerOnNode, ReadsIntoPrivateMemoryWhereAllIsViewed) {
  const Key key = put_one(first_, 0)->key;
  to_disk(first_, key);
  std::vector<ObjectView> views;
  for (std::size_t number = 1;; ++number) {
    const auto sealed = put_one(second_, number);
    if (!sealed) {
      EXPECT_EQ(code_of(sealed), Errc::out_of_memory);
      break;
    }
    views.push_back(first_.connector->get(sealed->key, {}).value());
  }
  const auto found = second_.connector->get(key, {});
  ASSERT_TRUE(found) << found.error().what();
  EXPECT_EQ(found->path(), Path::storage);
  EXPECT_TRUE(holds(*found, value(0)));
  EXPECT_EQ(found->facts().name, name(0));
  EXPECT_EQ(state(key), EntryState::on_disk);
}

TEST_F(SpillerOnNode, SaysWhatTheDiskSays) {
  const Key key = put_one(first_, 0)->key;
  to_disk(first_, key);
  file_->broken = true;
  EXPECT_EQ(code_of(second_.connector->get(key, {})), Errc::system);
  file_->broken = false;
  EXPECT_TRUE(holds(second_.connector->get(key, {}).value(), value(0)));
}

TEST_F(SpillerOnNode, NoticesDamagedBytes) {
  const Key key = put_one(first_, 0)->key;
  const auto* const payload = first_.connector->get(key, {})->bytes().data();
  const auto position = static_cast<std::uint64_t>(payload - segment_->base());
  to_disk(first_, key);
  for (const std::uint64_t at : {position, position + large / 2, position + large + 20}) {
    std::byte before{};
    ASSERT_TRUE(file_->read(at, {&before, 1}));
    const std::byte wrong = before ^ std::byte{4};
    ASSERT_TRUE(file_->write(at, {&wrong, 1}));
    EXPECT_EQ(code_of(second_.connector->get(key, {})), Errc::corrupt) << at - position;
    EXPECT_EQ(state(key), EntryState::on_disk);
    ASSERT_TRUE(file_->write(at, {&before, 1}));
  }
  EXPECT_TRUE(holds(second_.connector->get(key, {}).value(), value(0)));
}

// Something wrote into the node's memory.
TEST_F(SpillerOnNode, ReadsNothingOutsideTheArenas) {
  const Key key = put_one(first_, 0)->key;
  to_disk(first_, key);
  auto& entry = reinterpret_cast<Entry*>(segment_->base() +
                                         segment_->geometry().entries_offset(0))[slot_of(key.serial)];
  entry.record.offset = segment_->geometry().total_bytes() + page_bytes;
  entry.record.check = check_of(entry.record) & 0x7FFFU;
  EXPECT_EQ(code_of(second_.connector->wait({1, name(0)}, 10s, {})), Errc::corrupt);
  EXPECT_EQ(code_of(second_.connector->get({1, name(0)}, {})), Errc::corrupt);
}

TEST_F(SpillerOnNode, FailsAPutIfTheDiskIsFull) {
  file_->full = true;
  Result<Sealed> last = put_one(first_, 0);
  for (std::size_t number = 1; last; ++number) {
    last = put_one(first_, number);
  }
  EXPECT_EQ(code_of(last), Errc::out_of_memory);
  EXPECT_NE(std::string(last.error().what()).find("could not leave memory"), std::string::npos);
  EXPECT_TRUE(holds(first_.connector->get({1, name(0)}, {}).value(), value(0)));
  file_->full = false;
  EXPECT_TRUE(put_one(first_, 1000));
}

TEST_F(SpillerOnNode, EvictsAndReplacesWhatIsOnDisk) {
  const Key key = put_one(first_, 0)->key;
  to_disk(first_, key);
  const auto draft = second_.connector->create(100, plain_meta(1, name(0)), {}).value();
  std::memset(draft.bytes.data(), 7, draft.bytes.size());
  ASSERT_TRUE(second_.connector->seal(draft, {.mode = SealMode::replace}, {}));
  EXPECT_EQ(code_of(first_.connector->get(key, {})), Errc::not_found);
  EXPECT_EQ(first_.connector->get({1, name(0)}, {})->bytes().size(), 100U);
  EXPECT_EQ(first_.connector->usage().own_used, 0U);
  EXPECT_EQ(file_->stored_bytes(), 0U);
}

TEST_F(SpillerOnNode, GivesTheAddressesOfFreedObjectsToOthers) {
  for (int round = 0; round < 40; ++round) {
    const Key key = put_one(first_, static_cast<std::size_t>(round))->key;
    to_disk(first_, key);
    if (round % 2 == 0) {
      EXPECT_TRUE(holds(second_.connector->get(key, {}).value(), value(static_cast<std::size_t>(round))));
    }
    EXPECT_TRUE(second_.connector->evict(key, {}).value());
    const MemoryUsage usage = first_.connector->usage();
    EXPECT_EQ(usage.own_used, 0U) << round;
    EXPECT_LE(usage.own_committed, usage.committed) << round;
  }
}

TEST_F(SpillerOnNode, MovesNothingForWhatNeverFits) {
  const Key key = put_one(first_, 0)->key;
  const auto refused = first_.connector->create(memory_bytes, plain_meta(1, ""), {});
  EXPECT_EQ(code_of(refused), Errc::out_of_memory);
  EXPECT_FALSE(refused.error().is_transient());
  EXPECT_NE(refused.error().text().find("memory_bytes"), std::string::npos) << refused.error();
  EXPECT_EQ(
      code_of(first_.spiller->make_room(memory_bytes, WaitBudget::limited(1ms, WaitBudget::Work::little))),
      Errc::out_of_memory);
  EXPECT_EQ(state(key), EntryState::live);
  EXPECT_EQ(segment_->header().spill_calls.load(), 0U) << "nobody was asked";
}

TEST_F(SpillerOnNode, MovesNothingForWhatFindsNoAddresses) {
  const auto narrow = Segment::create(Geometry::fit(2, memory_bytes, 4 * memory_bytes, true), 0x10C1);
  const auto file = tests::plain_spill_file();
  file->extend_to(narrow->geometry().total_bytes()).value();
  Process only(narrow, file, 0);
  Result<Sealed> last = put_one(only, 0);
  int writes = 0;
  for (std::size_t number = 1; last && number < 1000; ++number) {
    writes = file->writes.load();
    last = put_one(only, number);
  }
  EXPECT_EQ(code_of(last), Errc::out_of_memory);
  EXPECT_NE(last.error().text().find("reserve_bytes"), std::string::npos) << last.error();
  EXPECT_EQ(file->writes.load(), writes);
}

// Both processes are asked at the same time.
TEST_F(SpillerOnNode, MovesAsMuchAsIsAskedForAndNotMore) {
  constexpr std::size_t each = 6;
  std::vector<Key> keys;
  for (std::size_t number = 0; number < 2 * each; ++number) {
    keys.push_back(put_one(number % 2 == 0 ? first_ : second_, number)->key);
  }
  EXPECT_EQ(
      first_.spiller->make_room(each * large, WaitBudget::limited(1ms, WaitBudget::Work::little)).value(),
      0U);
  const auto latest = Deadline::Clock::now() + 20s;
  while (segment_->header().spill_replies.load() < 2 && Deadline::Clock::now() < latest) {
    std::this_thread::yield();
  }
  const auto moved =
      std::ranges::count_if(keys, [&](const Key& key) { return state(key) != EntryState::live; });
  EXPECT_GE(moved, static_cast<std::ptrdiff_t>(each));
  EXPECT_LE(moved, static_cast<std::ptrdiff_t>(each + 1)) << "one that both began before they subtracted";
}

TEST_F(SpillerOnNode, MovesAnotherObjectWhileTheDiskWritesOne) {
  const std::array keys{put_one(first_, 0)->key, put_one(first_, 1)->key};
  std::binary_semaphore writes(0);
  std::binary_semaphore goes_on(0);
  std::atomic<bool> is_first{true};
  file_->before_write = [&] {
    if (is_first.exchange(false)) {
      writes.release();
      goes_on.acquire();
    }
  };
  const auto move = [&] {
    return first_.spiller->make_room(64_KiB, WaitBudget::limited(1ms, WaitBudget::Work::any)).value();
  };
  auto one = std::async(std::launch::async, move);
  writes.acquire();
  auto other = std::async(std::launch::async, move);
  EXPECT_EQ(other.wait_for(20s), std::future_status::ready);
  goes_on.release();
  EXPECT_EQ(one.get(), large);
  EXPECT_EQ(other.get(), large);
  EXPECT_EQ(state(keys[0]), EntryState::on_disk);
  EXPECT_EQ(state(keys[1]), EntryState::on_disk);
}

// Readers and the owner at the same time: whoever finds the object finds all of it.
TEST_F(SpillerOnNode, SurvivesReadersWhileItMoves) {
  constexpr std::size_t count = 6;
  std::array<Key, count> keys;
  for (std::size_t number = 0; number < count; ++number) {
    keys[number] = put_one(first_, number, 200'000)->key;
  }
  std::atomic<bool> stop{false};
  std::atomic<int> wrong{0};
  const auto read = [&](Process& by, unsigned seed) {
    for (unsigned turn = seed; !stop.load(); ++turn) {
      const std::size_t number = turn * 2654435761U % count;
      const auto found = by.connector->get(keys[number], {});
      wrong += found && holds(*found, value(number, 200'000)) ? 0 : 1;
    }
  };
  std::vector<std::thread> readers;
  readers.emplace_back(read, std::ref(first_), 1);
  readers.emplace_back(read, std::ref(second_), 2);
  readers.emplace_back(read, std::ref(second_), 3);
  std::uint64_t moved = 0;
  for (int round = 0; round < 3000; ++round) {
    moved += first_.spiller->make_room(200'000, WaitBudget::limited(1ms, WaitBudget::Work::any)).value();
  }
  stop = true;
  for (std::thread& each : readers) {
    each.join();
  }
  EXPECT_EQ(wrong.load(), 0);
  EXPECT_GT(moved, 0U);
}

}  // namespace
}  // namespace locum::shm
