#pragma once

#include "transport/storage/codecs/bytes_codec.hpp"
#include "transport/storage/codecs/codec_bytes.hpp"

namespace locum::storage {

/// A codec whose coded bytes tell how many they become before they are decoded.
class SizedCodec : public BytesCodec {
 public:
  [[nodiscard]] Result<void> decode(std::span<const std::byte> coded,
                                    std::span<std::byte> plain) const final {
    const auto size_bytes = claimed_bytes(coded);
    return !size_bytes                   ? Result<void>(size_bytes.error())
           : *size_bytes != plain.size() ? Result<void>(wrong_plain_size(name(), *size_bytes, plain.size()))
                                         : decode_to(coded, plain);
  }
  [[nodiscard]] Result<std::vector<std::byte>> decode(std::span<const std::byte> coded,
                                                      std::size_t most) const final {
    const auto size_bytes = claimed_bytes(coded);
    if (!size_bytes || *size_bytes > most) {
      return size_bytes ? too_many_plain_bytes(name(), most) : size_bytes.error();
    }
    auto plain = bytes_of_size(*size_bytes);
    if (plain) {
      if (auto decoded = decode_to(coded, *plain); !decoded) {
        return decoded.error();
      }
    }
    return plain;
  }

 private:
  /// Returns the number of plain bytes that coded bytes claim to become. `corrupt` if they claim none, or one
  /// that so few bytes cannot become.
  [[nodiscard]] virtual Result<std::size_t> claimed_bytes(std::span<const std::byte> coded) const = 0;
  /// Decodes them. REQUIRES: `plain` has as many bytes as claimed_bytes() returned.
  [[nodiscard]] virtual Result<void> decode_to(std::span<const std::byte> coded,
                                               std::span<std::byte> plain) const = 0;
};

}  // namespace locum::storage
