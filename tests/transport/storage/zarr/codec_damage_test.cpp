// The codecs of Zarr: coded bytes that are damaged, or made to do harm.

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "tests/core/code_of.hpp"
#include "tests/transport/storage/zarr/codec_samples.hpp"

namespace locum::tests::of_zarr_codec_damage {
namespace {

using storage::bytes_codec_of_text;

void set_u32(std::vector<std::byte>& bytes, std::size_t at, std::uint32_t number) {
  for (std::size_t byte = 0; byte < 4; ++byte) {
    bytes.at(at + byte) = static_cast<std::byte>((number >> 8U * byte) & 0xFFU);
  }
}

/// Samples that are coded as single blocks, as several, and as copies.
std::vector<std::vector<std::byte>> some_plain_bytes() {
  return {sample_bytes(Sample::smooth, 400),
          sample_bytes(Sample::random, 60),
          sample_bytes(Sample::zeros, 9000),
          {}};
}

TEST(DamagedZarrCode, IsRefusedIfItEndsEarly) {
  for (const std::string& text : texts_of_codecs()) {
    const auto codec = codec_of(text);
    for (const auto& plain : some_plain_bytes()) {
      const auto coded = codec->encode(plain).value();
      std::vector<std::byte> decoded(plain.size());
      for (std::size_t size_bytes = 0; size_bytes < coded.size(); ++size_bytes) {
        const std::vector<std::byte> some(coded.begin(),
                                          coded.begin() + static_cast<std::ptrdiff_t>(size_bytes));
        EXPECT_EQ(code_of(codec->decode(some, std::span(decoded))), Errc::corrupt) << text << size_bytes;
        // Of shuffle any bytes are right; four zeros are no bytes and their checksum.
        if (!text.starts_with("shuffle") && size_bytes != 4) {
          EXPECT_EQ(code_of(codec->decode(some, plain.size() + 100)), Errc::corrupt) << text << size_bytes;
        }
      }
    }
  }
}

TEST(DamagedZarrCode, IsRefusedOrRightWhereThereIsAChecksum) {
  for (const std::string& text : texts_of_codecs()) {
    const auto codec = codec_of(text);
    for (const auto& plain : some_plain_bytes()) {
      auto coded = codec->encode(plain).value();
      if (coded.size() > 700) {
        continue;  // most of it is a copy, and another sample has one
      }
      std::vector<std::byte> decoded(plain.size());
      for (std::byte& byte : coded) {
        const std::byte before = byte;
        for (const unsigned mask : {0x01U, 0x02U, 0x04U, 0x08U, 0x10U, 0x20U, 0x40U, 0x80U, 0xFFU}) {
          byte = before ^ static_cast<std::byte>(mask);
          const auto done = codec->decode(coded, std::span(decoded));
          const auto within = codec->decode(coded, plain.size() + 100);
          if (finds_damage(text)) {
            EXPECT_TRUE(!done || decoded == plain) << text;
            EXPECT_TRUE(!within || *within == plain) << text;
          } else {
            EXPECT_TRUE(!within || within->size() <= plain.size() + 100) << text;
          }
          EXPECT_TRUE(done || done.error().code() == Errc::corrupt) << text << ": " << done.error();
          EXPECT_TRUE(within || within.error().code() == Errc::corrupt) << text << ": " << within.error();
        }
        byte = before;
      }
    }
  }
}

TEST(DamagedZarrCode, OfNoisyBytesIsNoCode) {
  for (const std::string& text : texts_of_codecs()) {
    if (text.starts_with("shuffle")) {
      continue;
    }
    for (std::size_t size_bytes = 0; size_bytes < 300; ++size_bytes) {
      EXPECT_EQ(code_of(codec_of(text)->decode(sample_bytes(Sample::random, size_bytes), 10'000)),
                Errc::corrupt)
          << text << size_bytes;
    }
  }
}

TEST(DamagedZarrCode, BecomesNoMoreThanItMay) {
  const std::vector<std::byte> zeros = sample_bytes(Sample::zeros, 20U << 20U);
  for (const char* const text : {"gzip", "zlib", "zstd", "lz4", "blosc(zstd)", "blosc(lz4)"}) {
    const auto codec = bytes_codec_of_text(text, 8);
    if (codec) {
      const auto coded = (*codec)->encode(zeros).value();
      std::vector<std::byte> few(1000);
      EXPECT_EQ(code_of((*codec)->decode(coded, few.size())), Errc::corrupt) << text;
      EXPECT_EQ(code_of((*codec)->decode(coded, std::span(few))), Errc::corrupt) << text;
      EXPECT_EQ(code_of((*codec)->decode(coded, zeros.size() - 1)), Errc::corrupt) << text;
    }
  }
}

TEST(DamagedZarrCode, OfLz4ClaimsNoMoreThanABlockHolds) {
  const auto codec = bytes_codec_of_text("lz4", 1);
  if (!codec) {
    GTEST_SKIP() << codec.error().text();
  }
  auto coded = (*codec)->encode(sample_bytes(Sample::zeros, 1000)).value();
  const auto block_bytes = static_cast<std::uint32_t>(coded.size() - 4);
  for (const std::uint32_t claimed : {0xFFFFFFFFU, 0x80000000U, 0x7FFFFFFFU, 255 * block_bytes + 1}) {
    set_u32(coded, 0, claimed);
    const auto decoded = (*codec)->decode(coded, std::size_t{1} << 40U);
    ASSERT_FALSE(decoded);
    EXPECT_NE(decoded.error().text().find("cannot"), std::string::npos) << decoded.error();
  }
}

class DamagedBlosc : public testing::Test {
 public:
  void SetUp() override {
    if (auto made = bytes_codec_of_text("blosc(zlib, 5, noshuffle, blocksize=1024)", 1)) {
      codec = std::move(*made);
      // The first block takes the most bytes by far.
      std::ranges::copy(sample_bytes(Sample::smooth, 40'000), plain.begin());
      coded = codec->encode(plain).value();
    } else {
      GTEST_SKIP() << made.error().text();
    }
  }
  [[nodiscard]] std::string error() const {
    const auto decoded = codec->decode(coded, std::size_t{1} << 40U);
    return decoded ? "" : decoded.error().text();
  }

  [[nodiscard]] std::uint32_t u32_at(std::size_t at) const {
    std::uint32_t number = 0;
    for (std::size_t byte = 4; byte-- > 0;) {
      number = number << 8U | std::to_integer<std::uint32_t>(coded.at(at + byte));
    }
    return number;
  }

  std::vector<std::byte> plain = sample_bytes(Sample::zeros, 1024 * 1024);
  std::unique_ptr<storage::BytesCodec> codec;
  std::vector<std::byte> coded;
};

TEST_F(DamagedBlosc, ClaimsMoreThanItsBlocks) {
  for (const std::uint32_t claimed : {0xFFFFFFFFU, 0x80000000U, 0x7FFFFFEFU, 0x40000000U}) {
    set_u32(coded, 4, claimed);
    EXPECT_FALSE(error().empty()) << claimed;
  }
}

TEST_F(DamagedBlosc, HasBlocksOfNoOrOfNegativeSize) {
  for (const std::uint32_t size_bytes : {0U, 1U, 0x7FFFFFFFU, 0x80000000U, 0xFFFFFFFFU}) {
    set_u32(coded, 8, size_bytes);
    EXPECT_FALSE(error().empty()) << size_bytes;
  }
}

TEST_F(DamagedBlosc, HasAllBlocksInOnePlace) {
  ASSERT_EQ(error(), "");
  const std::size_t blocks = plain.size() / u32_at(8);
  ASSERT_GT(blocks, 3U);
  for (std::size_t block = 1; block < blocks; ++block) {
    set_u32(coded, 16 + 4 * block, u32_at(16));
  }
  EXPECT_NE(error().find("blocks that do not fit"), std::string::npos) << error();
}

// Each of 5000 blocks would have a megabyte of empty pieces of deflate before its two bytes: they are
// complete, and the library decodes them all, for as long as a minute.
TEST_F(DamagedBlosc, MadeToTakeLongIsRefusedAtOnce) {
  constexpr std::uint32_t blocks = 5000;
  constexpr std::uint32_t stream_at = 16 + 4 * blocks;
  std::vector<std::byte> stream = bytes_of_text("\x78\x01");
  for (int piece = 0; piece < 200'000; ++piece) {
    for (const unsigned byte : {0x00U, 0x00U, 0x00U, 0xFFU, 0xFFU}) {
      stream.push_back(static_cast<std::byte>(byte));
    }
  }
  const std::vector<std::byte> end =
      bytes_of_text(std::string_view("\x01\x02\x00\xFD\xFF"
                                     "aa\x01\x25\x00\xC3",
                                     11));
  stream.insert(stream.end(), end.begin(), end.end());
  coded.resize(stream_at + 4);
  coded[2] = static_cast<std::byte>((std::to_integer<unsigned>(coded[2]) & 0xE0U) | 0x10U);
  set_u32(coded, 4, blocks * 2);
  set_u32(coded, 8, 2);
  for (std::uint32_t block = 0; block < blocks; ++block) {
    set_u32(coded, 16 + 4 * block, stream_at);
  }
  set_u32(coded, stream_at, static_cast<std::uint32_t>(stream.size()));
  coded.insert(coded.end(), stream.begin(), stream.end());
  set_u32(coded, 12, static_cast<std::uint32_t>(coded.size()));
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_NE(error().find("blocks that do not fit"), std::string::npos) << error();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(2));
}

}  // namespace
}  // namespace locum::tests::of_zarr_codec_damage
