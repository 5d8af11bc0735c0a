#include "core/base/checksum.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <random>
#include <vector>

namespace locum {
namespace {

std::vector<std::byte> random_bytes(std::size_t size_bytes) {
  std::mt19937 random(7);
  std::vector<std::byte> bytes(size_bytes);
  for (std::byte& byte : bytes) {
    byte = static_cast<std::byte>(random());
  }
  return bytes;
}

TEST(Checksum, IsCrc32cAtAllLengthsAndPlaces) {
  const std::vector<std::byte> bytes = random_bytes(40'000);
  const std::span<const std::byte> all(bytes);
  for (std::size_t size_bytes = 0; size_bytes < 100; ++size_bytes) {
    for (std::size_t begin = 0; begin < 9; ++begin) {
      const auto part = all.subspan(begin, size_bytes);
      ASSERT_EQ(checksum(part), crc32c(part)) << begin << " " << size_bytes;
    }
  }
  // Boundaries of the three pieces that are summed concurrently.
  for (const std::size_t size_bytes : {2047U, 2048U, 6143U, 6144U, 6145U, 6152U, 12'288U, 12'300U, 40'000U}) {
    ASSERT_EQ(checksum(all.first(size_bytes)), crc32c(all.first(size_bytes))) << size_bytes;
  }
}

TEST(Checksum, GoesOnWhereAnotherEnded) {
  const std::vector<std::byte> bytes = random_bytes(20'000);
  const std::span<const std::byte> all(bytes);
  for (const std::size_t cut : {0U, 1U, 7U, 8U, 6144U, 10'001U, 20'000U}) {
    EXPECT_EQ(checksum(all.subspan(cut), checksum(all.first(cut))), checksum(all)) << cut;
    EXPECT_EQ(crc32c(all.subspan(cut), crc32c(all.first(cut))), crc32c(all)) << cut;
  }
}

TEST(Checksum, SaysBothSumsInAnError) {
  const std::string text = wrong_checksum(0x12345678U, 0xAU);
  EXPECT_NE(text.find("12345678"), std::string::npos);
  EXPECT_NE(text.find("0000000a"), std::string::npos);
}

}  // namespace
}  // namespace locum
