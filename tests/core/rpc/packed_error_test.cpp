#include "core/rpc/packed_error.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace locum {
namespace {

void expect_same(const Error& got, const Error& expected) {
  EXPECT_EQ(got.code(), expected.code());
  EXPECT_EQ(got.text(), expected.text());
  EXPECT_EQ(got.detail(), expected.detail());
  EXPECT_EQ(got.key(), expected.key());
}

TEST(PackedError, ComesBackAtTheRankThatSentIt) {
  for (const std::string& text : {std::string(), std::string("one"), std::string(10'000, 'x'),
                                  std::string("nul \0 inside", 12), std::string("ünïcode")}) {
    const Error sent = Error(Errc::key_exists, text, text + "detail").about("some key");
    const Error got = unpack(pack(sent), 7);
    expect_same(got, sent);
    EXPECT_EQ(got.rank(), 7);
  }
  const Error bare = Error(Errc::system, "no key, no detail");
  expect_same(unpack(pack(bare), 0), bare);
}

TEST(PackedError, CutsEndlessTextsVisibly) {
  const std::size_t endless = 5'000'000;
  const std::vector<std::byte> bytes =
      pack(Error(Errc::timeout, std::string(endless, 'a'), std::string(endless, 'b')));
  EXPECT_LE(bytes.size(), most_packed_bytes);
  const Error got = unpack(bytes, 0);
  EXPECT_EQ(got.code(), Errc::timeout);
  EXPECT_EQ(got.text().substr(0, 5), "aaaaa");
  EXPECT_NE(got.text().find("(5000000 bytes)"), std::string::npos);
}

TEST(PackedError, NoDamagedBytesDoMoreThanGiveAnError) {
  const std::vector<std::byte> good = pack(Error(Errc::stale, "text", "detail").about("key"));
  for (std::size_t length = 0; length < good.size(); ++length) {
    EXPECT_EQ(unpack(std::span(good).first(length), 3).code(), Errc::corrupt) << length << " bytes";
  }
  std::vector<std::byte> longer = good;
  longer.push_back(std::byte{0});
  EXPECT_EQ(unpack(longer, 3).code(), Errc::corrupt);
  for (const int code : {0, 200, 255}) {
    std::vector<std::byte> unknown = good;
    unknown[0] = static_cast<std::byte>(code);
    EXPECT_EQ(unpack(unknown, 3).code(), Errc::corrupt) << "code " << code;
  }
  std::mt19937 random(42);
  for (int round = 0; round < 5'000; ++round) {
    std::vector<std::byte> damaged = good;
    damaged[random() % damaged.size()] = static_cast<std::byte>(random());
    damaged[random() % damaged.size()] = static_cast<std::byte>(random());
    EXPECT_EQ(unpack(damaged, 3).rank(), 3);
  }
}

}  // namespace
}  // namespace locum
