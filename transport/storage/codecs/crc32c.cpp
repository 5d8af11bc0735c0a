#include "core/base/checksum.hpp"
#include "transport/storage/codecs/checksum_codec.hpp"

namespace locum::storage {

namespace {

constexpr ChecksumKind crc32c_kind{"crc32c", "crc32c", true,
                                   [](std::span<const std::byte> bytes) { return checksum(bytes); }};

}  // namespace

/// Returns the traits of `crc32c`: the CRC-32C of RFC 3720, behind the bytes.
const CodecTraits& crc32c_codec() {
  static const CodecTraits traits{true, {}, "crc32c", [](const CodecDescription& description) {
                                    return ChecksumCodec::make(crc32c_kind, description);
                                  }};
  return traits;
}

}  // namespace locum::storage
