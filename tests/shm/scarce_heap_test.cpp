// What happens to the memory of a node when a process has none of its own left: told by an operator new of
// this program's own, which fails when it is told to.
#include <gtest/gtest.h>

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include "core/node/cluster.hpp"
#include "core/options.hpp"
#include "shm/arena/arena.hpp"
#include "shm/names/name_table.hpp"
#include "shm/table/object_table.hpp"
#include "tests/core/connector_samples.hpp"
#include "tests/core/operator_new.hpp"

namespace {

thread_local int allocations_left = -1;  // the one after so many fails, once; below 0 none does

}  // namespace

bool locum::tests::fails_to_allocate() noexcept {
  const bool fails = allocations_left == 0;
  allocations_left -= allocations_left >= 0 ? 1 : 0;
  return fails;
}

namespace locum::shm {
namespace {

using locum::tests::pattern;
using locum::tests::plain_meta;
using locum::tests::put;

std::shared_ptr<Connector> connect(const std::shared_ptr<Segment>& segment, std::uint32_t own) {
  const auto objects = ObjectTable::make(segment, own, {100, 101});
  return open_cluster(
      {.arena = std::make_shared<SharedArena>(segment, own, 256_KiB, 0, SharedArena::Background::caller),
       .table = objects,
       .directory = std::make_shared<NameTable>(segment, objects, std::chrono::seconds(20)),
       .timeout = std::chrono::seconds(20)});
}

/// Whether an allocation failed while `step` ran with the one after `left` failing.
template <class Step>
bool failed_once(int left, Step step) {
  allocations_left = left;
  step();
  return std::exchange(allocations_left, -1) < 0;
}

// Others evict more than the owner has handed out room for; half of it is still viewed. Whichever allocation
// of the owner's next step fails, it says so or does without, and all memory comes back in the end.
TEST(ScarceHeap, LosesNoEvictedObjectAndThrowsNothing) {
  bool failed = true;
  int tried = 0;
  for (; failed; ++tried) {
    ASSERT_LT(tried, 1000) << "no end of allocations";
    const auto segment = Segment::create(Geometry::fit(2, 64_MiB, 4_GiB), 0x10C0);
    const auto owner = connect(segment, 0);
    const auto other = connect(segment, 1);
    std::vector<Key> keys;
    for (int count = 0; count < 3000; ++count) {
      keys.push_back(put(*owner, 1, {}, pattern(1, 500)).value().key);
    }
    const std::uint64_t used = owner->usage().own_used;
    std::vector<ObjectView> views;
    for (std::size_t index = 0; index < keys.size(); index += 2) {
      views.push_back(other->get(keys[index], {}).value());
    }
    for (const Key& key : keys) {
      ASSERT_TRUE(other->evict(key, {}).value());
    }
    failed = failed_once(tried, [&] {
      const auto draft = owner->create(500, plain_meta(1), {});
      if (draft) {
        owner->discard(*draft);
      }
    });
    MemoryUsage now = owner->usage();
    ASSERT_EQ(now.own_objects, 0U) << tried;
    ASSERT_LT(now.own_used, used / 2 + 64_KiB) << tried;
    ASSERT_GT(now.own_pinned, 1500U * 500U) << tried;
    views.clear();
    failed = failed_once(tried, [&] { (void)owner->usage(); }) || failed;
    now = owner->usage();
    ASSERT_EQ(now.own_used, 0U) << tried;
    ASSERT_EQ(now.own_pinned, 0U) << tried;
  }
  EXPECT_GT(tried, 3) << "nothing was allocated: this shows nothing";
}

// The books grow with the table: an object more is refused where they cannot, and the table goes on.
TEST(ScarceHeap, RefusesAnObjectWhereTheBooksCannotGrow) {
  const auto segment = Segment::create(Geometry::fit(2, 64_MiB, 4_GiB), 0x10C0);
  const auto objects = ObjectTable::make(segment, 0, {100, 101});
  for (const int left : {0, 1, 1}) {  // the first of three books, the second, the third
    Result<Key> key = Key{};
    EXPECT_TRUE(failed_once(left, [&] { key = objects->publish({.size_bytes = 8}); }));
    ASSERT_FALSE(key);
    EXPECT_EQ(key.error().code(), Errc::out_of_memory);
  }
  EXPECT_TRUE(objects->publish({.size_bytes = 8}));
}

}  // namespace
}  // namespace locum::shm
