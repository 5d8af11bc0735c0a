#include "mpi/transport/envelope.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <random>
#include <span>
#include <vector>

namespace locum::mpi {
namespace {

using Kind = Envelope::Kind;

std::vector<std::byte> bytes(std::size_t size, std::byte value) {
  return std::vector<std::byte>(size, value);
}

TEST(Envelope, CarriesHeaderAndBulk) {
  const auto header = bytes(max_header_bytes, std::byte{1});
  const auto bulk = bytes(3000, std::byte{2});
  std::vector<std::byte> letter;
  write(letter, {.kind = Kind::message, .number = 0, .bulk_bytes = bulk.size()}, header, bulk);
  ASSERT_EQ(letter.size(), Envelope::bytes + header.size() + bulk.size());
  const auto opened = Envelope::open(letter);
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->envelope.kind, Kind::message);
  EXPECT_EQ(opened->envelope.bulk_bytes, bulk.size());
  EXPECT_TRUE(std::ranges::equal(opened->header, header));
  EXPECT_TRUE(std::ranges::equal(opened->bulk, bulk));
}

TEST(Envelope, AnnouncesABulk) {
  std::vector<std::byte> letter;
  write(letter, {.kind = Kind::announce, .number = 77, .bulk_bytes = std::uint64_t{1} << 40U},
        bytes(5, std::byte{3}), {});
  const auto opened = Envelope::open(letter);
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->envelope.kind, Kind::announce);
  EXPECT_EQ(opened->envelope.number, 77U);
  EXPECT_EQ(opened->envelope.bulk_bytes, std::uint64_t{1} << 40U);
  EXPECT_EQ(opened->header.size(), 5U);
  EXPECT_TRUE(opened->bulk.empty());
}

TEST(Envelope, RefusesADamagedMessage) {
  std::vector<std::byte> letter;
  write(letter, {.kind = Kind::message, .number = 0, .bulk_bytes = 4}, bytes(8, std::byte{1}),
        bytes(4, std::byte{2}));
  for (std::size_t size = 0; size < letter.size(); ++size) {
    EXPECT_FALSE(Envelope::open(std::span(letter).first(size))) << "cut off after " << size << " bytes";
  }
  letter.push_back(std::byte{0});
  EXPECT_FALSE(Envelope::open(letter)) << "one byte too many";
  letter.pop_back();
  for (const int kind : {0, 6, 255}) {
    letter[0] = static_cast<std::byte>(kind);
    EXPECT_FALSE(Envelope::open(letter)) << "kind " << kind;
  }
}

// What it takes for a message lies within the bytes, whatever they are.
TEST(Envelope, TakesNothingFromOutside) {
  std::mt19937 random(5);
  int accepted = 0;
  for (int round = 0; round < 200'000; ++round) {
    std::vector<std::byte> letter(Envelope::bytes + random() % 40);
    for (std::byte& byte : letter) {
      byte = static_cast<std::byte>(random() % 4 == 0 ? random() % 8 : 0);
    }
    if (const auto opened = Envelope::open(letter)) {
      ++accepted;
      const std::size_t inside = opened->header.size() + opened->bulk.size();
      ASSERT_EQ(inside, letter.size() - Envelope::bytes);
      ASSERT_LE(opened->header.size(), max_header_bytes);
      if (!opened->header.empty()) {
        ASSERT_EQ(opened->header.data(), letter.data() + Envelope::bytes);
      }
    }
  }
  EXPECT_GT(accepted, 100) << "the search reaches valid messages, too";
}

}  // namespace
}  // namespace locum::mpi
