#include "bench/scaling/payload.hpp"

#include <gtest/gtest.h>

#include <stdexcept>
#include <vector>

namespace {

using scaling::Payload;

TEST(Payload, IsAcceptedWithItsStampOnly) {
  const std::uint64_t stamp = Payload::stamp(3, 7, 9);
  for (const std::size_t size : {8U, 16U, 24U, 4096U}) {
    std::vector<std::byte> bytes(size);
    Payload::fill(bytes, stamp);
    for (const bool all : {false, true}) {
      EXPECT_NO_THROW(Payload::check(bytes, size, stamp, all));
      EXPECT_THROW(Payload::check(bytes, size + 8, stamp, all), std::runtime_error);
      for (const std::uint64_t other :
           {Payload::stamp(2, 7, 9), Payload::stamp(3, 6, 9), Payload::stamp(3, 7, 8)}) {
        EXPECT_THROW(Payload::check(bytes, size, other, all), std::runtime_error);
      }
    }
  }
}

TEST(Payload, IsSeenToBeWrongAtEachPlace) {
  constexpr std::size_t words = 16;
  for (std::size_t place = 0; place < words; ++place) {
    std::vector<std::byte> bytes(words * Payload::word_bytes);
    Payload::fill(bytes, 1);
    Payload::set(bytes, place, Payload::get(bytes, place) + 1);
    EXPECT_THROW(Payload::check(bytes, bytes.size(), 1, true), std::runtime_error) << place;
    if (place == 0 || place == words - 1) {
      EXPECT_THROW(Payload::check(bytes, bytes.size(), 1, false), std::runtime_error) << place;
    }
  }
}

TEST(Payload, IsStampedAnewAtItsEnds) {
  std::vector<std::byte> bytes(80);
  Payload::fill(bytes, 1);
  Payload::restamp(bytes, 2);
  EXPECT_NO_THROW(Payload::check(bytes, 80, 2, false));
  EXPECT_THROW(Payload::check(bytes, 80, 1, false), std::runtime_error);
  EXPECT_THROW(Payload::check(bytes, 80, 2, true), std::runtime_error);
}

}  // namespace
