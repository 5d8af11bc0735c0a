#include "core/node/checked_keys.hpp"

#include <gtest/gtest.h>

namespace locum {
namespace {

TEST(CheckedKeys, KnowsWhatWasAddedAndNothingElse) {
  CheckedKeys keys;
  const Key key{1, 2, 3};
  EXPECT_FALSE(keys.contains(key));
  keys.add(key);
  EXPECT_TRUE(keys.contains(key));
  EXPECT_FALSE(keys.contains({1, 2, 4}));
  EXPECT_FALSE(keys.contains({2, 2, 3}));
}

// It may forget keys if there are too many: then one check is repeated.
TEST(CheckedKeys, RemembersThousands) {
  CheckedKeys keys;
  constexpr std::uint64_t count = 10'000;
  for (std::uint64_t serial = 1; serial <= count; ++serial) {
    keys.add({1, 0, serial});
  }
  std::uint64_t known = 0;
  for (std::uint64_t serial = 1; serial <= count; ++serial) {
    known += keys.contains({1, 0, serial}) ? 1 : 0;
  }
  EXPECT_GT(known, count * 999 / 1000);
}

}  // namespace
}  // namespace locum
