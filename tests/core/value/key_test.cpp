#include "core/value/key.hpp"

#include <gtest/gtest.h>

#include <set>
#include <sstream>

namespace locum {
namespace {

TEST(Key, IsValidOnceItHasASerial) {
  EXPECT_FALSE(Key{}.valid());
  EXPECT_FALSE((Key{1, 2, 0}.valid()));
  EXPECT_TRUE((Key{0, 0, 1}.valid()));
}

TEST(Key, PrintsItsParts) {
  std::ostringstream out;
  out << Key{1, 2, 3};
  EXPECT_EQ(out.str(), "1/2/3");
}

TEST(Key, HashesNeighboursApart) {
  std::set<std::size_t> low_bits;
  std::set<std::size_t> all;
  std::size_t count = 0;
  for (std::uint32_t store = 1; store < 5; ++store) {
    for (std::uint32_t creator = 0; creator < 16; ++creator) {
      for (std::uint64_t serial = 1; serial < 64; ++serial, ++count) {
        const std::size_t hash = std::hash<Key>{}({store, creator, serial});
        all.insert(hash);
        low_bits.insert(hash & 0xFFFFU);
      }
    }
  }
  EXPECT_EQ(all.size(), count);
  EXPECT_GT(low_bits.size(), count * 9 / 10);  // as for random numbers, of which 4032 fall into 65536 slots
}

}  // namespace
}  // namespace locum
