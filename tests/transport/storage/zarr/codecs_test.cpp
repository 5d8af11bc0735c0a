// The codecs of Zarr: what they encode they decode, to the bytes that others expect.

#include <gtest/gtest.h>

#include <array>
#include <limits>

#include "tests/core/code_of.hpp"
#include "tests/transport/storage/zarr/codec_samples.hpp"

namespace locum::tests::of_zarr_codecs {
namespace {

using storage::bytes_codec_of_text;

constexpr std::array<std::size_t, 9> sizes{0, 1, 7, 8, 13, 1000, 4095, 65'536, (1U << 20U) + 5};

void expect_round_trip(const storage::BytesCodec& codec, const std::vector<std::byte>& plain) {
  const auto coded = codec.encode(plain);
  ASSERT_TRUE(coded) << coded.error();
  EXPECT_EQ(coded->capacity(), coded->size()) << "it keeps no memory that it does not need";
  std::vector<std::byte> decoded(plain.size(), std::byte{0xEE});
  const auto done = codec.decode(*coded, std::span(decoded));
  ASSERT_TRUE(done) << done.error();
  EXPECT_TRUE(decoded == plain);
  for (const std::size_t most : {plain.size(), plain.size() + 1, 3 * plain.size() + 10'000}) {
    const auto within = codec.decode(*coded, most);
    ASSERT_TRUE(within) << most << ": " << within.error();
    EXPECT_TRUE(*within == plain) << most;
  }
  decoded.emplace_back();
  EXPECT_EQ(code_of(codec.decode(*coded, std::span(decoded))), Errc::corrupt) << "fewer than expected";
  if (!plain.empty()) {
    decoded.resize(plain.size() - 1);
    EXPECT_EQ(code_of(codec.decode(*coded, std::span(decoded))), Errc::corrupt) << "more than expected";
    EXPECT_EQ(code_of(codec.decode(*coded, decoded.size())), Errc::corrupt);
    EXPECT_EQ(code_of(codec.decode(*coded, std::size_t{0})), Errc::corrupt);
  }
}

TEST(ZarrCodecs, DecodeWhatTheyEncode) {
  for (const std::string& text : texts_of_codecs()) {
    SCOPED_TRACE(text);
    const auto codec = codec_of(text);
    for (const std::size_t size_bytes : sizes) {
      for (const Sample kind : {Sample::zeros, Sample::smooth, Sample::random}) {
        SCOPED_TRACE(std::to_string(size_bytes) + ", sample " + std::to_string(static_cast<int>(kind)));
        ASSERT_NO_FATAL_FAILURE(expect_round_trip(*codec, sample_bytes(kind, size_bytes)));
      }
    }
  }
}

TEST(ZarrCodecs, MakeZerosFewer) {
  for (const std::string& text : texts_of_codecs()) {
    const bool compresses = !text.starts_with("crc") && !text.starts_with("shuffle") && text != "gzip(0)" &&
                            text != "blosc(zstd, 0)";
    const std::size_t size_bytes =
        codec_of(text)->encode(sample_bytes(Sample::zeros, 100'000)).value().size();
    EXPECT_EQ(size_bytes < 2500, compresses) << text << ": " << size_bytes;
  }
}

TEST(ZarrCodecs, ShuffleElementsOfAnySize) {
  for (const std::size_t element_bytes : {1U, 2U, 3U, 4U, 8U, 16U, 1000U, 20'000U}) {
    SCOPED_TRACE(element_bytes);
    const auto codec = codec_of("shuffle", element_bytes);
    for (const std::size_t count : {0U, 1U, 2U, 3U, 63U, 70U}) {
      ASSERT_NO_FATAL_FAILURE(expect_round_trip(*codec, sample_bytes(Sample::random, count * element_bytes)));
    }
  }
  ASSERT_NO_FATAL_FAILURE(expect_round_trip(*codec_of("shuffle"), sample_bytes(Sample::random, 1U << 20U)));
  EXPECT_EQ(codec_of("shuffle(3)")->encode(bytes_of_text("abcdefghi")).value(), bytes_of_text("adgbehcfi"));
}

TEST(ZarrCodecs, ShuffleNoPartsOfElements) {
  const auto codec = codec_of("shuffle(4)");
  EXPECT_EQ(code_of(codec->encode(sample_bytes(Sample::zeros, 13))), Errc::invalid_argument);
  EXPECT_EQ(code_of(codec->decode(sample_bytes(Sample::zeros, 13), 100)), Errc::corrupt);
}

TEST(ZarrCodecs, SumAsOthersDo) {
  const std::vector<std::byte> digits = bytes_of_text("123456789");
  EXPECT_EQ(codec_of("crc32c")->encode(digits).value(), bytes_of_text("123456789\x83\x92\x06\xE3"));
  if (const auto codec = bytes_codec_of_text("crc32", 1)) {
    EXPECT_EQ((*codec)->encode(digits).value(), bytes_of_text("\x26\x39\xF4\xCB"
                                                              "123456789"));
  }
}

TEST(ZarrCodecs, ReadMembersOfGzip) {
  const auto codec = bytes_codec_of_text("gzip", 1);
  if (!codec) {
    GTEST_SKIP() << codec.error().text();
  }
  std::vector<std::byte> coded = (*codec)->encode(bytes_of_text("first, ")).value();
  const std::vector<std::byte> second = (*codec)->encode(bytes_of_text("second")).value();
  coded.insert(coded.end(), second.begin(), second.end());
  EXPECT_EQ((*codec)->decode(coded, 100).value(), bytes_of_text("first, second"));
  coded.push_back(std::byte{'x'});
  EXPECT_EQ(code_of((*codec)->decode(coded, 100)), Errc::corrupt);

  const auto zlib = codec_of("zlib");
  coded = zlib->encode(bytes_of_text("first, ")).value();
  coded.push_back(std::byte{'x'});
  EXPECT_EQ(code_of(zlib->decode(coded, 100)), Errc::corrupt);
}

TEST(ZarrCodecs, ReadFramesOfZstdThatDoNotTellTheirSize) {
  const auto codec = bytes_codec_of_text("zstd", 1);
  if (!codec) {
    GTEST_SKIP() << codec.error().text();
  }
  // One block: 100 000 times the byte 'a'. The frame's window has 128 KiB.
  constexpr std::uint32_t block = (100'000U << 3U) | (1U << 1U) | 1U;
  std::vector<std::byte> coded = bytes_of_text(std::string_view("\x28\xB5\x2F\xFD\x00\x38", 6));
  for (const std::uint32_t byte : {block, block >> 8U, block >> 16U, std::uint32_t{'a'}}) {
    coded.push_back(static_cast<std::byte>(byte & 0xFFU));
  }
  const std::vector<std::byte> plain(100'000, std::byte{'a'});
  for (const std::size_t most : {std::size_t{100'000}, std::size_t{100'001}, std::size_t{1} << 30U,
                                 std::numeric_limits<std::size_t>::max()}) {
    EXPECT_TRUE((*codec)->decode(coded, most).value() == plain) << most;
  }
  for (const std::size_t most : {0U, 1U, 5000U, 99'999U}) {
    EXPECT_EQ(code_of((*codec)->decode(coded, most)), Errc::corrupt) << most;
  }
  // After a frame that tells that it is empty.
  std::vector<std::byte> both = (*codec)->encode({}).value();
  both.insert(both.end(), coded.begin(), coded.end());
  EXPECT_TRUE((*codec)->decode(both, 100'000).value() == plain);
  EXPECT_EQ(code_of((*codec)->decode(both, 100)), Errc::corrupt);
  EXPECT_EQ(code_of((*codec)->decode({}, 100)), Errc::corrupt) << "no frame";
}

}  // namespace
}  // namespace locum::tests::of_zarr_codecs
