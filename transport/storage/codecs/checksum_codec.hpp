#pragma once

#include <string_view>

#include "transport/storage/codecs/codec_list.hpp"
#include "transport/storage/codecs/sized_codec.hpp"

namespace locum::storage {

/// How checksums of one kind are made, and where the specifications have them.
struct ChecksumKind {
  std::string_view name;   ///< of version 3
  std::string_view id;     ///< of version 2
  bool is_at_end = false;  ///< without the member `location`: behind the bytes, not before them
  std::uint32_t (*sum_of)(std::span<const std::byte> bytes) = nullptr;
};

/// A codec that adds a checksum of four bytes, the least significant first, and verifies it.
class ChecksumCodec final : public SizedCodec {
 public:
  ChecksumCodec(const ChecksumKind& kind, bool is_at_end) noexcept : kind_(kind), is_at_end_(is_at_end) {}
  /// Makes a codec from its description: `location` of numcodecs may move the checksum.
  [[nodiscard]] static Result<std::unique_ptr<BytesCodec>> make(const ChecksumKind& kind,
                                                                const CodecDescription& description);

  [[nodiscard]] std::string_view name() const noexcept override { return kind_.name; }
  [[nodiscard]] Result<Record> described(int version) const override;
  [[nodiscard]] Result<std::span<const std::byte>> encode(std::span<const std::byte> plain,
                                                          ReusedBytes& memory) const override;

 private:
  [[nodiscard]] Result<std::size_t> claimed_bytes(std::span<const std::byte> coded) const override;
  [[nodiscard]] Result<void> decode_to(std::span<const std::byte> coded,
                                       std::span<std::byte> plain) const override;

  const ChecksumKind& kind_;
  const bool is_at_end_;
};

}  // namespace locum::storage
