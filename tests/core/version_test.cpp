#include "core/version.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace {

TEST(Version, IsThreeNumbers) {
  const std::string_view version = locum::version();
  EXPECT_EQ(std::count(version.begin(), version.end(), '.'), 2) << version;
  EXPECT_EQ(version.find_first_not_of("0123456789."), std::string_view::npos) << version;
}

}  // namespace
