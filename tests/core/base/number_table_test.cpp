#include "core/base/number_table.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <set>

namespace locum {
namespace {

TEST(NumberTable, HasRoomBeforeAnythingIsPut) {
  NumberTable<int> table;
  const std::uint32_t number = table.reserve();
  EXPECT_NE(number, 0U);
  EXPECT_EQ(table.reserve(), number) << "an unused reservation takes no number";
  EXPECT_EQ(table.find(number), nullptr);
  EXPECT_EQ(table.size(), 0U);
  const std::size_t places = table.places();
  table.put(7);
  EXPECT_EQ(table.places(), places);
  ASSERT_NE(table.find(number), nullptr);
  EXPECT_EQ(*table.find(number), 7);
  EXPECT_NE(table.reserve(), number);
  EXPECT_EQ(table.take(number), 7);
  EXPECT_EQ(table.find(number), nullptr);
}

TEST(NumberTable, LetsGoOfWhatIsTakenOut) {
  NumberTable<std::shared_ptr<int>> table;
  const auto thing = std::make_shared<int>(1);
  const std::uint32_t number = table.reserve();
  table.put(thing);
  EXPECT_EQ(thing.use_count(), 2);
  (void)table.take(number);
  EXPECT_EQ(thing.use_count(), 1);
}

TEST(NumberTable, FindsAllWhileThingsComeAndGo) {
  NumberTable<int> table;
  std::set<std::uint32_t> odd;
  for (int i = 0; i < 100; ++i) {
    const std::uint32_t number = table.reserve();
    table.put(i);
    if (i % 2 == 1) {
      odd.insert(number);
    }
  }
  std::size_t place = 0;
  for (std::set<std::uint32_t> left = odd; !left.empty();) {
    const std::uint32_t number = table.find_if(place, [](int each) { return each % 2 == 1; });
    ASSERT_EQ(left.erase(number), 1U);
    (void)table.take(number);
    for (int more = 0; more < 3; ++more) {  // three per round, so that it grows, too
      (void)table.reserve();
      table.put(1000);
    }
  }
  EXPECT_EQ(table.find_if(place, [](int each) { return each % 2 == 1; }), 0U);
  EXPECT_EQ(table.size(), 200U);
}

}  // namespace
}  // namespace locum
