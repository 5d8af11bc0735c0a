#include "core/type_tails.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "core/cluster.hpp"
#include "core/options.hpp"
#include "shm/arena.hpp"
#include "shm/name_table.hpp"
#include "shm/object_table.hpp"

namespace locum {
namespace {

constexpr std::uint64_t doubles_hash = 11;

ObjectMeta doubles(std::uint64_t count, std::string_view name = {}) {
  ObjectMeta meta;
  meta.store = 1;
  meta.element_bytes = sizeof(double);
  meta.type_hash = doubles_hash;
  meta.type_name = "f64[]";
  meta.name = name;
  meta.layout = Layout::array;
  meta.extents.rank = 1;
  meta.extents.values[0] = count;
  return meta;
}

class TypeTailsTest : public testing::Test {
 protected:
  std::shared_ptr<shm::Segment> segment_ = shm::Segment::create(shm::Geometry::fit(1, 64_MiB, 64_GiB), 1);
  std::shared_ptr<shm::SharedArena> arena_ = std::make_shared<shm::SharedArena>(segment_, 0, 1_MiB, 0);
  TypeTails tails_{arena_};
};

TEST_F(TypeTailsTest, GivesObjectsOfOneTypeOneTail) {
  const std::uint64_t offset = tails_.of(doubles(8), 64);
  ASSERT_NE(offset, 0U);
  EXPECT_TRUE(arena_->contains(offset, 9));
  EXPECT_EQ(tails_.of(doubles(1000), 8000), offset);
  EXPECT_EQ(tails_.of(doubles(0), 0), offset);
  ObjectMeta other = doubles(8);
  other.type_hash = doubles_hash + 1;
  EXPECT_NE(tails_.of(other, 64), offset);
  EXPECT_EQ(arena_->usage().used, tails_.arena_bytes());
}

TEST_F(TypeTailsTest, LeavesToTheObjectWhatTheTypeDoesNotTell) {
  ASSERT_NE(tails_.of(doubles(8), 64), 0U);
  EXPECT_EQ(tails_.of(doubles(8, "named"), 64), 0U);
  ObjectMeta plane = doubles(2);
  plane.extents.rank = 2;
  plane.extents.values[1] = 4;
  EXPECT_EQ(tails_.of(plane, 64), 0U);
  EXPECT_EQ(tails_.of(doubles(7), 64), 0U) << "the extent is not what the size says";
  ObjectMeta same_hash = doubles(8);
  same_hash.type_name = "other";
  EXPECT_EQ(tails_.of(same_hash, 64), 0U);
  same_hash = doubles(16);
  same_hash.element_bytes = 4;
  EXPECT_EQ(tails_.of(same_hash, 64), 0U);
  const std::string endless(2000, 'x');
  ObjectMeta long_name = doubles(8);
  long_name.type_hash = 5;
  long_name.type_name = endless;
  EXPECT_EQ(tails_.of(long_name, 64), 0U);
}

TEST_F(TypeTailsTest, HoldsManyTypes) {
  std::vector<std::uint64_t> offsets;
  const auto meta_of = [](std::uint64_t type, const std::string& name) {
    ObjectMeta meta = doubles(8);
    meta.type_hash = type;
    meta.type_name = name;
    return meta;
  };
  for (std::uint64_t type = 0; type < 1000; ++type) {
    offsets.push_back(tails_.of(meta_of(type, "type " + std::to_string(type)), 64));
    ASSERT_NE(offsets.back(), 0U);
  }
  for (std::uint64_t type = 0; type < 1000; ++type) {
    const std::string name = "type " + std::to_string(type);
    EXPECT_EQ(tails_.of(meta_of(type, name), 64), offsets[type]);
    EXPECT_EQ(std::memcmp(arena_->data(offsets[type]) + sizeof(std::uint32_t), name.data(), name.size()), 0);
  }
  EXPECT_EQ(arena_->usage().used, tails_.arena_bytes());
}

TEST_F(TypeTailsTest, GivesNoneWhereMemoryIsFull) {
  while (arena_->allocate(4096)) {
  }
  EXPECT_EQ(tails_.of(doubles(8), 64), 0U);
}

TEST_F(TypeTailsTest, AnUnnamedObjectTakesItsPayloadAndSaysAllOfItself) {
  const auto objects = std::make_shared<shm::ObjectTable>(segment_, 0, std::vector<std::uint32_t>{0});
  const auto names = std::make_shared<shm::NameTable>(segment_, objects, std::chrono::seconds(5));
  const auto cluster = open_cluster({arena_, objects, names, std::chrono::seconds(5)});
  const std::uint64_t used = cluster->usage().own_used;
  EXPECT_EQ(used, 0U);

  std::vector<Key> keys;
  std::uint64_t expected = 0;
  for (const std::uint64_t count : {8U, 16U, 64U, 512U, 1024U, 4096U, 512U, 0U}) {
    const ObjectMeta meta = doubles(count);
    const auto draft = cluster->create(count * sizeof(double), meta, {}).value();
    EXPECT_EQ(draft.meta.type_name, meta.type_name);
    keys.push_back(cluster->seal(draft, {}, {}).value().key);
    expected += count == 0 ? 16 : count * sizeof(double);
    EXPECT_EQ(cluster->usage().own_used, expected) << count;
    const ObjectFacts facts = cluster->get(keys.back(), {}).value().facts();
    EXPECT_EQ(facts.type_name, "f64[]");
    EXPECT_EQ(facts.element_bytes, sizeof(double));
    EXPECT_EQ(facts.extents, meta.extents);
    EXPECT_TRUE(facts.name.empty());
  }
  // A named one has a tail of its own, and a discarded draft of either kind leaves nothing.
  const auto named = cluster->create(64, doubles(8, "named"), {}).value();
  EXPECT_GT(cluster->usage().own_used, expected + 64);
  cluster->discard(named);
  cluster->discard(cluster->create(64, doubles(8), {}).value());
  EXPECT_EQ(cluster->usage().own_used, expected);
  for (const Key& key : keys) {
    EXPECT_TRUE(cluster->evict(key, {}).value());
  }
  EXPECT_EQ(cluster->usage().own_used, 0U);
}

}  // namespace
}  // namespace locum
