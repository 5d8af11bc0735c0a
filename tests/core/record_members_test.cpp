// Many members, and deep values.
#include <gtest/gtest.h>

#include <cstddef>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "core/record.hpp"
#include "tests/core/code_of.hpp"

namespace locum {
namespace {

using tests::code_of;

std::string name_at(std::size_t at) {
  return "member " + std::to_string(at);
}

/// Lists within lists, so many levels of them.
Record nested(std::size_t levels) {
  Record value = 1;
  for (std::size_t level = 0; level < levels; ++level) {
    value = Record::list({value});
  }
  return value;
}

TEST(RecordMembers, AreFoundWhateverTheirNumber) {
  RecordMembers members;
  for (std::size_t count = 1; count <= 100; ++count) {
    members.set(name_at(count), count);
    ASSERT_EQ(members.size(), count);
    for (std::size_t at = 1; at <= count; ++at) {
      const Record* const found = members.find(name_at(at));
      ASSERT_NE(found, nullptr);
      ASSERT_EQ(*found, Record(at));
    }
    ASSERT_EQ(members.find(name_at(count + 1)), nullptr);
    ASSERT_EQ(members.find(""), nullptr);
  }
  for (std::size_t at = 1; at <= 100; at += 2) {
    ASSERT_TRUE(members.remove(name_at(at)));
    ASSERT_FALSE(members.remove(name_at(at)));
  }
  std::size_t expected = 0;
  for (const auto& [name, value] : members) {
    expected += 2;
    ASSERT_EQ(name, name_at(expected)) << "in order";
    ASSERT_EQ(members.find(name), &value);
  }
  EXPECT_EQ(expected, 100U);
  members.set("", "an empty name");
  EXPECT_EQ(members.find("")->text(), "an empty name");
  RecordMembers copy = members;
  copy.set(name_at(2), "changed");
  EXPECT_EQ(*members.find(name_at(2)), Record(2));
  RecordMembers moved = std::move(copy);
  EXPECT_EQ(moved.find(name_at(2))->text(), "changed");
  EXPECT_TRUE(copy.empty());  // NOLINT: a promise
  copy.set("a", 1);
  EXPECT_EQ(copy.size(), 1U);
}

TEST(RecordMembers, ManyTakeLittleTime) {
  constexpr std::size_t many = 100'000;
  Record record;
  for (std::size_t at = 0; at < many; ++at) {
    record.set(name_at(at), at);
  }
  std::size_t found = 0;
  for (std::size_t at = 0; at < many; ++at) {
    found += static_cast<std::size_t>(record[name_at(at)] == Record(at));
  }
  EXPECT_EQ(found, many);
  Record other = record;
  other.set("one more", {});
  EXPECT_FALSE(other == record);
  EXPECT_TRUE(other.remove("one more"));
  EXPECT_TRUE(other == record);
  Record list;
  for (std::size_t at = 0; at < many; ++at) {
    list.append(at);
  }
  EXPECT_EQ(list.size(), many);
}

TEST(RecordNesting, IsBounded) {
  const Record deepest = nested(max_nesting);
  EXPECT_THROW((void)nested(max_nesting + 1), Error);
  EXPECT_THROW((void)Record({deepest, 1}), Error);
  Record list;
  EXPECT_THROW(list.append(deepest), Error);
  EXPECT_TRUE(list.is_null()) << "unchanged";
  list.append(1);
  EXPECT_THROW(list.append(deepest), Error);
  EXPECT_EQ(list.size(), 1U);
  Record members;
  EXPECT_THROW(members.set("deep", deepest), Error);
  EXPECT_TRUE(members.is_null());
  members.set("deep", nested(max_nesting - 1));
  try {
    members = Record::list({members});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Errc::invalid_argument);
    EXPECT_NE(error.text().find("256 levels"), std::string::npos);
  }
  Record endless;
  std::size_t levels = 0;
  EXPECT_THROW(
      for (; levels < 1'000'000; ++levels) {
        Record outer;
        outer.set("next", std::move(endless));
        endless = std::move(outer);
      },
      Error);
  EXPECT_EQ(levels, max_nesting);
}

TEST(RecordNesting, IsThatOfTheValuesThatAreThere) {
  Record members;
  members.set("deep", nested(max_nesting - 1));
  members.set("less", nested(3));
  members.set("deep", 1);
  members.set("x", members);
  EXPECT_EQ(code_of(members["x"].get<int>("deep")), Errc{});
  members.set("deep", nested(max_nesting - 1));
  EXPECT_THROW((void)Record::list({members}), Error);
  EXPECT_TRUE(members.remove("deep"));
  EXPECT_EQ(Record::list({members})[0].size(), 2U);
  for (std::size_t level = 0; level < max_nesting - 6; ++level) {
    members = Record::list({members});
  }
  EXPECT_THROW(
      for (std::size_t level = 0; level < 3; ++level) { members = Record::list({members}); }, Error);
}

TEST(RecordNesting, DeepestValuesAreCopiedComparedAndPrinted) {
  const Record deepest = nested(max_nesting);
  EXPECT_TRUE(deepest == nested(max_nesting));
  EXPECT_FALSE(deepest == nested(max_nesting - 1));
  std::ostringstream out;
  out << deepest;
  EXPECT_EQ(out.str(), std::string(max_nesting, '[') + "1" + std::string(max_nesting, ']'));
}

}  // namespace
}  // namespace locum
