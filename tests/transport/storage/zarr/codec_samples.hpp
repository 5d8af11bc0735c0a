#pragma once

#include <cmath>
#include <cstddef>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "transport/storage/codecs/bytes_codec.hpp"

namespace locum::tests {

/// Returns the texts of all codecs that this build has, with some of their members.
[[nodiscard]] inline std::vector<std::string> texts_of_codecs() {
  std::vector<std::string> texts;
  for (const char* const text : {"gzip",
                                 "gzip(0)",
                                 "gzip(9)",
                                 "zlib",
                                 "zlib(-1)",
                                 "zstd",
                                 "zstd(-5)",
                                 "zstd(19)",
                                 "zstd(1, checksum=true)",
                                 "lz4",
                                 "lz4(50)",
                                 "blosc",
                                 "blosc(lz4)",
                                 "blosc(lz4, 9, noshuffle)",
                                 "blosc(blosclz, 1, bitshuffle)",
                                 "blosc(lz4hc, 5, shuffle, typesize=4)",
                                 "blosc(zlib, 3)",
                                 "blosc(zstd, 5, bitshuffle)",
                                 "blosc(zstd, 0)",
                                 "blosc(lz4, blocksize=4096)",
                                 "blosc(lz4, 5, shuffle, typesize=300)",
                                 "crc32c",
                                 "crc32c(location=start)",
                                 "crc32",
                                 "crc32(location=end)",
                                 "shuffle(1)"}) {
    const auto made = storage::bytes_codec_of_text(text, 8);
    if (made || made.error().code() != Errc::unsupported) {  // a test of this text tells why it is wrong
      texts.emplace_back(text);
    }
  }
  return texts;
}

[[nodiscard]] inline std::unique_ptr<storage::BytesCodec> codec_of(const std::string& text,
                                                                   std::size_t element_bytes = 8) {
  return storage::bytes_codec_of_text(text, element_bytes).value();
}

/// Returns whether damage to coded bytes is found: they have a checksum.
[[nodiscard]] inline bool finds_damage(std::string_view text) {
  return text.starts_with("gzip") || text.starts_with("zlib") || text.starts_with("crc") ||
         text.ends_with("checksum=true)");
}

enum class Sample { zeros, smooth, random };

/// Returns bytes: all zero, those of the numbers of a wave, or some that no codec makes fewer.
[[nodiscard]] inline std::vector<std::byte> sample_bytes(Sample kind, std::size_t size_bytes) {
  std::vector<std::byte> bytes(size_bytes);
  if (kind == Sample::smooth) {
    for (std::size_t at = 0; at < size_bytes; at += sizeof(double)) {
      const double value = std::sin(static_cast<double>(at) / 3000);
      std::memcpy(bytes.data() + at, &value, std::min(sizeof value, size_bytes - at));
    }
  } else if (kind == Sample::random) {
    std::mt19937 random(static_cast<std::mt19937::result_type>(size_bytes));
    for (std::byte& byte : bytes) {
      byte = static_cast<std::byte>(random() >> 8U);
    }
  }
  return bytes;
}

[[nodiscard]] inline std::vector<std::byte> bytes_of_text(std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

}  // namespace locum::tests
