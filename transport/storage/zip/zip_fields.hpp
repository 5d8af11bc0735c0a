#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace locum::storage {

// Archives of ZIP consist of records of little-endian numbers, each of which begins with a signature: for
// each member a local header, then its bytes; behind all members the directory, with an entry for each, and
// the end record. Their fields, as APPNOTE.TXT of PKWARE defines them (version 6.3.9).

inline constexpr std::uint32_t zip_local_signature = 0x04034B50;
inline constexpr std::uint32_t zip_entry_signature = 0x02014B50;
inline constexpr std::uint32_t zip_end_signature = 0x06054B50;
inline constexpr std::uint32_t zip64_end_signature = 0x06064B50;
inline constexpr std::uint32_t zip64_locator_signature = 0x07064B50;

inline constexpr std::size_t zip_local_bytes = 30;
inline constexpr std::size_t zip_entry_bytes = 46;
inline constexpr std::size_t zip_end_bytes = 22;
inline constexpr std::size_t zip64_end_bytes = 56;
inline constexpr std::size_t zip64_locator_bytes = 20;

inline constexpr std::uint16_t zip_stored = 0;
inline constexpr std::uint16_t zip_deflated = 8;
inline constexpr std::uint16_t zip_encrypted_flag = 1U << 0U;
inline constexpr std::uint16_t zip_descriptor_flag = 1U << 3U;  ///< sizes follow the bytes of the member
inline constexpr std::uint16_t zip_patch_flag = 1U << 5U;
inline constexpr std::uint16_t zip_strong_encryption_flag = 1U << 6U;
inline constexpr std::uint16_t zip_utf8_flag = 1U << 11U;
inline constexpr std::uint16_t zip_masked_flag = 1U << 13U;
inline constexpr std::uint16_t zip64_extra_field = 0x0001;
inline constexpr std::uint16_t zip_alignment_extra_field = 0xD935;  ///< as Android's zipalign writes it

/// A number of 16 or 32 bits that stands for one in a record of zip64.
inline constexpr std::uint16_t zip_beyond_16 = 0xFFFF;
inline constexpr std::uint32_t zip_beyond_32 = 0xFFFFFFFF;

/// Returns a number of a record. REQUIRES: the record has these bytes.
template <class Number>
[[nodiscard]] Number zip_number(std::span<const std::byte> record, std::size_t at) noexcept {
  std::uint64_t number = 0;
  for (std::size_t byte = sizeof(Number); byte-- > 0;) {
    number = number << 8U | std::to_integer<std::uint64_t>(record[at + byte]);
  }
  return static_cast<Number>(number);
}
[[nodiscard]] inline std::uint16_t zip_u16(std::span<const std::byte> record, std::size_t at) noexcept {
  return zip_number<std::uint16_t>(record, at);
}
[[nodiscard]] inline std::uint32_t zip_u32(std::span<const std::byte> record, std::size_t at) noexcept {
  return zip_number<std::uint32_t>(record, at);
}
[[nodiscard]] inline std::uint64_t zip_u64(std::span<const std::byte> record, std::size_t at) noexcept {
  return zip_number<std::uint64_t>(record, at);
}

/// Appends a number to a record.
template <class Number>
void add_zip_number(std::vector<std::byte>& record, Number number) {
  for (std::size_t byte = 0; byte < sizeof number; ++byte) {
    record.push_back(static_cast<std::byte>(static_cast<std::uint64_t>(number) >> (8 * byte) & 0xFFU));
  }
}

}  // namespace locum::storage
