#include "transport/ucx/envelope.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <vector>

namespace locum::ucx {
namespace {

constexpr std::uint64_t session = 0x0123456789abcdef;
constexpr int own_rank = 0;
constexpr int ranks = 3;

std::vector<std::byte> message(const Envelope& envelope, std::size_t header_bytes) {
  Letter letter;
  const std::vector<std::byte> header(header_bytes, std::byte{7});
  const auto written = write(letter, envelope, header);
  return {written.begin(), written.end()};
}

std::optional<Envelope::Opened> opened(std::span<const std::byte> bytes) {
  return Envelope::open(bytes, session, own_rank, ranks);
}

TEST(Envelope, GivesBackSenderAndHeader) {
  for (const std::size_t size : {std::size_t{1}, std::size_t{64}, max_header_bytes}) {
    const auto bytes = message({.sender = 2, .session = session}, size);
    const auto inside = opened(bytes);
    ASSERT_TRUE(inside);
    EXPECT_EQ(inside->sender, 2);
    EXPECT_EQ(inside->header.size(), size);
    EXPECT_EQ(inside->header.data(), bytes.data() + Envelope::bytes);
  }
}

TEST(Envelope, LaysOutItsFieldsAsItsCommentSays) {
  const auto bytes = message({.sender = 2, .session = session}, 1);
  std::uint32_t mark = 0;
  std::int32_t sender = 0;
  std::uint64_t number = 0;
  std::memcpy(&mark, bytes.data(), 4);
  std::memcpy(&sender, bytes.data() + 4, 4);
  std::memcpy(&number, bytes.data() + 8, 8);
  EXPECT_EQ(mark, Envelope::current_mark);
  EXPECT_EQ(sender, 2);
  EXPECT_EQ(number, session);
}

TEST(Envelope, IsRefusedWithAnotherMarkSessionOrSender) {
  EXPECT_TRUE(opened(message({.sender = 1, .session = session}, 8)));
  EXPECT_FALSE(opened(message({.mark = 0x01434f4c, .sender = 1, .session = session}, 8)));
  EXPECT_FALSE(opened(message({.sender = 1, .session = session + 1}, 8)));
  EXPECT_FALSE(opened(message({.sender = -1, .session = session}, 8)));
  EXPECT_FALSE(opened(message({.sender = ranks, .session = session}, 8)));
  EXPECT_FALSE(opened(message({.sender = own_rank, .session = session}, 8)));
}

TEST(Envelope, IsRefusedTooShortOrTooLong) {
  const auto whole = message({.sender = 1, .session = session}, max_header_bytes);
  for (std::size_t size = 0; size <= Envelope::bytes; ++size) {
    EXPECT_FALSE(opened(std::span(whole).first(size))) << size;
  }
  std::vector<std::byte> longer = whole;
  longer.push_back(std::byte{0});
  EXPECT_TRUE(opened(whole));
  EXPECT_FALSE(opened(longer));
}

// Any bytes: either refused, or a rank of the group and a header within the message.
TEST(Envelope, NeverTrustsWhatComesIn) {
  std::mt19937_64 random(20261120);
  int accepted = 0;
  for (int round = 0; round < 200000; ++round) {
    auto bytes = message({.sender = 1, .session = session}, 1 + random() % 40);
    for (std::uint64_t flips = random() % 3; flips > 0; --flips) {
      bytes[random() % bytes.size()] ^= static_cast<std::byte>(1 + random() % 255);
    }
    bytes.resize(random() % 4 == 0 ? random() % bytes.size() : bytes.size());
    if (const auto inside = opened(bytes)) {
      ++accepted;
      ASSERT_GT(inside->sender, own_rank);
      ASSERT_LT(inside->sender, ranks);
      ASSERT_GE(inside->header.data(), bytes.data() + Envelope::bytes);
      ASSERT_EQ(inside->header.data() + inside->header.size(), bytes.data() + bytes.size());
    }
  }
  EXPECT_GT(accepted, 1000);
}

}  // namespace
}  // namespace locum::ucx
