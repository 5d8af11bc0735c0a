#include "core/object/name_list.hpp"

#include <gtest/gtest.h>

#include "core/ports/connector.hpp"

namespace locum {
namespace {

TEST(NameList, BringsBackWhatWasPacked) {
  const std::vector<std::string> names{"a", std::string(max_name_bytes, 'x'), std::string("\0\xFF", 2), "z"};
  std::vector<std::string> unpacked{"kept"};
  ASSERT_TRUE(unpack_names(pack_names(names), unpacked));
  ASSERT_EQ(unpacked.size(), 5U);
  EXPECT_EQ(unpacked[0], "kept");
  EXPECT_EQ(std::vector<std::string>(unpacked.begin() + 1, unpacked.end()), names);
  EXPECT_TRUE(pack_names({}).empty());
  EXPECT_TRUE(unpack_names({}, unpacked));
}

TEST(NameList, WhatEndsWithinANameIsCorrupt) {
  const auto packed = pack_names({"one", "three"});
  for (std::size_t bytes = 1; bytes < packed.size(); ++bytes) {
    std::vector<std::string> names;
    const auto unpacked = unpack_names(std::span(packed).first(bytes), names);
    if (bytes == 7) {
      EXPECT_TRUE(unpacked) << "that is a list of one name";
      continue;
    }
    ASSERT_FALSE(unpacked) << bytes;
    EXPECT_EQ(unpacked.error().code(), Errc::corrupt);
  }
}

TEST(NameList, NoNameIsEmptyOrTooLong) {
  for (const std::size_t length : {std::size_t{0}, max_name_bytes + 1}) {
    std::vector<std::string> names;
    EXPECT_FALSE(unpack_names(pack_names({std::string(length, 'x')}), names)) << length;
  }
}

}  // namespace
}  // namespace locum
