#include "core/base/hash.hpp"

#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/checksum.hpp"

namespace locum {
namespace {

TEST(Hash64, DependsOnEveryByteTheLengthAndTheSeed) {
  const std::string text = "a name of some twenty bytes";
  std::set<std::uint64_t> seen{hash64(text), hash64(text, 1), hash64({}), hash64(std::string_view("\0", 1)),
                               hash64(std::string_view("\0\0", 2))};
  EXPECT_EQ(seen.size(), 5U);
  for (std::size_t size = 0; size < text.size(); ++size) {
    EXPECT_TRUE(seen.insert(hash64(std::string_view(text).substr(0, size == 0 ? 1 : size), size == 0)).second)
        << size;
  }
  for (std::size_t at = 0; at < text.size(); ++at) {
    std::string changed = text;
    changed[at] ^= 1;
    EXPECT_TRUE(seen.insert(hash64(changed)).second) << at;
  }
}

TEST(Hash64, StaysWhatItIsOnOtherRanks) {
  const std::string_view text = "a name of some twenty bytes";
  const std::vector<std::pair<std::size_t, std::uint64_t>> known{
      {0, 0x795201189F405820U},  {1, 0xB8007990E362A73FU},  {3, 0x6EF10466D3C2DD56U},
      {7, 0x269DBE0C075FEBACU},  {8, 0x1E83532031122F0AU},  {9, 0xC27199F2588AE489U},
      {15, 0x6073EC497ADB8210U}, {16, 0x0809DA09BC122435U}, {25, 0x15DDE1A8DA192CA8U}};
  for (const auto& [size, hash] : known) {
    EXPECT_EQ(hash64(text.substr(0, size), 7), hash) << size;
  }
}

TEST(Hash64, DependsOnNoByteBesideTheText) {
  for (std::size_t size = 0; size < 40; ++size) {
    const std::string text(size, 'x');
    const std::string one = "a" + text + "b";
    const std::string other = "\xFFyz" + text + "\xFF";
    EXPECT_EQ(hash64(std::string_view(one).substr(1, size)), hash64(text)) << size;
    EXPECT_EQ(hash64(std::string_view(other).substr(3, size)), hash64(text)) << size;
  }
}

TEST(Hash64, KeepsASeedFromUndoingTheFirstByte) {
  EXPECT_NE(hash64("T/1", 2), hash64("U/1", 3));
  EXPECT_NE(hash64("T/000042", 2), hash64("U/000042", 3));
}

TEST(Hash64, ChangesAboutHalfOfItsBits) {
  int changed_bits = 0;
  for (int number = 0; number < 1000; ++number) {
    const std::string name = "T/" + std::to_string(number);
    const std::string next = "T/" + std::to_string(number + 1);
    changed_bits += std::popcount(hash64(name) ^ hash64(next));
  }
  EXPECT_GT(changed_bits, 30 * 1000);
  EXPECT_LT(changed_bits, 34 * 1000);
}

TEST(TextHash, IsFnv1a) {
  static_assert(text_hash("") == 0xCBF29CE484222325U);
  static_assert(text_hash("a") == 0xAF63DC4C8601EC8CU);
  static_assert(text_hash("foobar") == 0x85944171F73967E8U);
}

TEST(Crc32c, IsCastagnolis) {
  const std::string_view digits = "123456789";
  EXPECT_EQ(crc32c(std::as_bytes(std::span(digits))), 0xE3069283U);
  const std::vector<std::byte> zeros(32);
  EXPECT_EQ(crc32c(zeros), 0x8A9136AAU);
  std::array<std::byte, 32> ascending{};
  for (std::size_t at = 0; at < ascending.size(); ++at) {
    ascending[at] = static_cast<std::byte>(at);
  }
  EXPECT_EQ(crc32c(ascending), 0x46DD794EU);
}

}  // namespace
}  // namespace locum
