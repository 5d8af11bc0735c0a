// Memory that a name takes at its home, beside the name itself and the value.
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "core/detail/session_state.hpp"
#include "core/node/reference.hpp"
#include "core/object/object_wire.hpp"
#include "shm/arena/size_class.hpp"
#include "shm/segment/layout.hpp"
#include "tests/shm/lockstep_nodes.hpp"

namespace locum::shm {
namespace {

constexpr std::uint64_t count = 1U << 15U;
const std::vector<std::byte> value(64, std::byte{1});

// For names, in a new node of this size: a page of records and one of buckets in each shard.
constexpr std::uint64_t ahead_bytes = 2 * page_bytes * shard_count;

// Committed bytes outside of the arena: tables, and what precedes them.
std::uint64_t table_bytes(const MemoryUsage& usage) {
  return usage.committed - usage.own_committed;
}

MemoryUsage usage_of(tests::LockstepNodes::Rank& rank) {
  return rank.session->state()->connector().usage();
}

// The record, and its share of the buckets and of the memory committed in advance, at most a quarter.
TEST(NameCost, IsARecordWhereTheObjectLiesAtHome) {
  std::uint64_t committed[2]{};
  for (const bool named : {false, true}) {
    tests::LockstepNodes nodes(256_MiB);
    for (std::uint64_t at = 0; at < count; ++at) {
      const std::string name = nodes.name_at_answerer();
      Store& store = *nodes.answerer().store;
      ASSERT_TRUE(named ? store.put_bytes(name, value) : store.put_bytes(value));
    }
    committed[named ? 1 : 0] = table_bytes(usage_of(nodes.answerer()));
  }
  const double bytes = static_cast<double>(committed[1] - committed[0] + ahead_bytes) / count;
  EXPECT_GE(bytes, sizeof(Record) + sizeof(Word32));
  EXPECT_LE(bytes, 64.0) << "the goal";
}

// The first name of a shard needs no new memory, which would cost more than the name.
TEST(NameCost, TheFirstNamesOfANodeCommitNothing) {
  for (const std::uint64_t memory_bytes : {256_MiB, 16_MiB}) {
    std::uint64_t committed[2]{};
    for (const bool named : {false, true}) {
      tests::LockstepNodes nodes(memory_bytes);
      for (std::uint64_t at = 0; at < 16 * shard_count; ++at) {
        const std::string name = nodes.name_at_answerer();
        Store& store = *nodes.answerer().store;
        ASSERT_TRUE(named ? store.put_bytes(name, value) : store.put_bytes(value));
      }
      committed[named ? 1 : 0] = table_bytes(usage_of(nodes.answerer()));
    }
    EXPECT_EQ(committed[1] - committed[0], memory_bytes == 256_MiB ? 0 : ahead_bytes);
  }
}

// An object of the home's own: an entry of its table, a record, and a block with the value's block, the words
// that describe it, and the name once more.
TEST(NameCost, IsAnObjectWhereTheObjectLiesElsewhere) {
  tests::LockstepNodes nodes(256_MiB);
  const MemoryUsage before = usage_of(nodes.answerer());
  std::string name;
  for (std::uint64_t at = 0; at < count; ++at) {
    name = nodes.name_at_answerer();
    ASSERT_TRUE(nodes.requester().store->put_bytes(name, value));
  }
  const MemoryUsage after = usage_of(nodes.answerer());
  EXPECT_EQ(after.own_objects - before.own_objects, count);
  const std::size_t type_bytes = nodes.requester().store->info(name).value().type.size();
  const std::uint64_t kept = value.size() + sizeof(std::uint32_t) + type_bytes + name.size();
  const std::uint64_t block =
      kept + sizeof(ObjectWire) + sizeof(std::uint32_t) + reference_type_name.size() + name.size();
  EXPECT_EQ(after.own_used - before.own_used,
            count * size_class::block_bytes(size_class::of(size_class::aligned(block, 64))));
  const double tables = static_cast<double>(table_bytes(after) - table_bytes(before) + ahead_bytes) / count;
  EXPECT_GE(tables, sizeof(Entry) + sizeof(Record) + sizeof(Word32));
  EXPECT_LE(tables, 1.4 * (sizeof(Entry) + sizeof(Record) + sizeof(Word32)));
}

}  // namespace
}  // namespace locum::shm
