#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/unless_out_of_memory.hpp"
#include "core/value/result.hpp"
#include "transport/storage/codecs/reused_bytes.hpp"

namespace locum::storage {

/// Returns a number whose four bytes are the least significant first.
[[nodiscard]] inline std::uint32_t little_endian_u32(std::span<const std::byte, 4> bytes) noexcept {
  std::uint32_t number = 0;
  for (std::size_t at = 4; at-- > 0;) {
    number = number << 8U | std::to_integer<std::uint32_t>(bytes[at]);
  }
  return number;
}
/// Writes a number as four bytes, the least significant first.
inline void put_little_endian(std::uint32_t number, std::span<std::byte, 4> bytes) noexcept {
  for (std::byte& byte : bytes) {
    byte = static_cast<std::byte>(number & 0xFFU);
    number >>= 8U;
  }
}

/// Returns that many bytes. `out_of_memory`.
[[nodiscard]] Result<std::vector<std::byte>> bytes_of_size(std::size_t size_bytes);
/// Changes the size of a vector. `out_of_memory`.
[[nodiscard]] Result<void> resize_bytes(std::vector<std::byte>& bytes, std::size_t size_bytes);

/// Gives `encode` `room` bytes of memory, and returns as many of them as it returns.
template <class Encode>
[[nodiscard]] Result<std::span<const std::byte>> encoded_within(ReusedBytes& memory, std::size_t room,
                                                                Encode encode) {
  const auto bytes = memory.of_size(room);
  if (!bytes) {
    return bytes.error();
  }
  const Result<std::size_t> size_bytes = encode(*bytes);
  return size_bytes ? Result<std::span<const std::byte>>(bytes->first(*size_bytes)) : size_bytes.error();
}

/// Returns `corrupt`: coded bytes of this codec "are …" or "hold …".
[[nodiscard]] Error damaged_code(std::string_view codec, const std::string& reason, std::string detail = {});
/// Returns `corrupt` for coded bytes that become another number of bytes than is expected.
[[nodiscard]] Error wrong_plain_size(std::string_view codec, std::uint64_t holds, std::uint64_t expected);
/// Returns `corrupt` for coded bytes that become more bytes than may be.
[[nodiscard]] Error too_many_plain_bytes(std::string_view codec, std::uint64_t most);
/// Returns `value_too_large` for bytes that a codec cannot encode at once.
[[nodiscard]] Error too_large_to_encode(std::string_view codec, std::uint64_t size, std::uint64_t most);

}  // namespace locum::storage
