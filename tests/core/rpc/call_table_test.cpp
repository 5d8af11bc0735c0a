#include "core/rpc/call_table.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

#include "core/rpc/rpc_channel.hpp"

namespace locum {
namespace {

using namespace std::chrono_literals;

CallTable::Clock::time_point at(int second) {
  return CallTable::Clock::time_point(std::chrono::seconds(second));
}

TEST(CallTable, FindsWhatIsUnderWayOnly) {
  CallTable table;
  const std::uint32_t first = table.add({3, at(5), nullptr});
  const std::uint32_t second = table.add({4, at(2), nullptr});
  EXPECT_NE(first, 0U);
  EXPECT_NE(second, first);
  ASSERT_NE(table.find(first), nullptr);
  EXPECT_EQ(table.find(first)->rank, 3);
  EXPECT_EQ(table.find(first)->deadline, at(5));
  EXPECT_EQ(table.find(second + 1), nullptr);
  EXPECT_EQ(table.find(first + 16), nullptr) << "same place, another number";
  EXPECT_EQ(table.find(0), nullptr);
  EXPECT_EQ(table.take(first).rank, 3);
  EXPECT_EQ(table.find(first), nullptr);
  EXPECT_EQ(table.size(), 1U);
}

TEST(CallTable, KnowsTheEarliestDeadline) {
  CallTable table;
  EXPECT_EQ(table.next_deadline(), CallTable::Clock::time_point::max());
  const std::uint32_t late = table.add({0, at(9), nullptr});
  const std::uint32_t early = table.add({0, at(3), nullptr});
  const std::uint32_t middle = table.add({0, at(6), nullptr});
  EXPECT_EQ(table.next_due(), early);
  (void)table.take(middle);
  EXPECT_EQ(table.next_due(), early);
  (void)table.take(early);
  EXPECT_EQ(table.next_due(), late);
  EXPECT_EQ(table.next_deadline(), at(9));
  (void)table.take(late);
  EXPECT_EQ(table.next_deadline(), CallTable::Clock::time_point::max());
}

// Compared with a std::map, with many open calls, one of which stays while thousands use its slot.
TEST(CallTable, DoesAsAMapDoes) {
  std::mt19937 random(4);
  CallTable table;
  std::map<std::uint32_t, CallTable::Clock::time_point> model;
  const std::uint32_t stays = table.add({1, at(1), nullptr});
  model[stays] = at(1);
  std::set<std::uint32_t> ever{stays};
  for (int turn = 0; turn < 20'000; ++turn) {
    if (model.size() < 2 || random() % 512 < 256 + (turn / 2000 % 2 == 0 ? 20U : 0U)) {
      const auto deadline = at(2 + static_cast<int>(random() % 1000));
      const std::uint32_t number = table.add({static_cast<int>(random() % 3), deadline, nullptr});
      EXPECT_TRUE(ever.insert(number).second) << "a number came twice";
      model[number] = deadline;
    } else {
      auto chosen = std::next(model.begin(), static_cast<std::ptrdiff_t>(random() % model.size()));
      if (chosen->first != stays) {
        EXPECT_EQ(table.take(chosen->first).deadline, chosen->second);
        model.erase(chosen);
      }
    }
    ASSERT_EQ(table.size(), model.size());
    ASSERT_EQ(table.next_due(), stays);
    const auto some = std::next(model.begin(), static_cast<std::ptrdiff_t>(random() % model.size()));
    ASSERT_NE(table.find(some->first), nullptr);
    ASSERT_EQ(table.find(some->first)->deadline, some->second);
  }
  EXPECT_GT(model.size(), 100U);
  (void)table.take(stays);
  model.erase(stays);
  std::size_t listed = 0;
  for (int rank = 0; rank < 4; ++rank) {
    const auto asks_it = [rank](const CallTable::OpenCall& asked) { return asked.rank == rank; };
    for (std::size_t place = 0; const std::uint32_t number = table.find_if(place, asks_it); ++place) {
      ASSERT_TRUE(model.contains(number)) << number;
      EXPECT_EQ(table.find(number)->rank, rank);
      ++listed;
    }
  }
  EXPECT_EQ(listed, model.size());
  for (auto before = at(0); table.size() != 0;) {
    const std::uint32_t number = table.next_due();
    ASSERT_EQ(table.next_deadline(), model.at(number));
    ASSERT_LE(before, table.next_deadline());
    before = table.take(number).deadline;
  }
}

}  // namespace
}  // namespace locum
