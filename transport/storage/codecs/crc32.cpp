#include <zlib.h>

#include "transport/storage/codecs/checksum_codec.hpp"

namespace locum::storage {

namespace {

constexpr ChecksumKind crc32_kind{
    "numcodecs.crc32", "crc32", false, [](std::span<const std::byte> bytes) {
      return static_cast<std::uint32_t>(
          ::crc32_z(0, reinterpret_cast<const Bytef*>(bytes.empty() ? nullptr : bytes.data()), bytes.size()));
    }};

}  // namespace

/// Returns the traits of numcodecs' `crc32`: the CRC-32 of zlib, before the bytes.
const CodecTraits& crc32_codec() {
  static const CodecTraits traits{false, {}, "crc32", [](const CodecDescription& description) {
                                    return ChecksumCodec::make(crc32_kind, description);
                                  }};
  return traits;
}

}  // namespace locum::storage
