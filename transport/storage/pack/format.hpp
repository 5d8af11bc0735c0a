#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace locum::storage {

/// A pack is one file of records, each appended to it. Numbers are little-endian, and everything begins at a
/// multiple of 64 bytes, so that what is mapped is aligned:
///
///     PackHeader | who writes: text, 64 bytes | record | record | …
///     record: PackRecord | space, name | body
///
/// The last record of a name counts. What removes a name or a space is a record, too.
constexpr std::uint64_t pack_line_bytes = 64;
constexpr std::uint64_t pack_first_record = 128;
constexpr std::uint32_t pack_longest_text = 60'000;

struct PackHeader {
  static constexpr std::uint64_t magic_number = 0x4B4341504D434F4CU;  // "LOCMPACK"
  static constexpr std::uint32_t current_version = 1;

  std::uint64_t magic = magic_number;
  std::uint64_t salt = 0;  ///< random: the file's records have it, too, and those of other files do not
  /// So much of the file was on the disk when it was closed, or replaced another one.
  std::uint64_t synced = 0;
  std::uint32_t version = current_version;
  std::uint32_t checksum = 0;  ///< CRC-32C of the header with a zero here
  std::array<std::uint8_t, 32> unused{};
};
static_assert(sizeof(PackHeader) == pack_line_bytes);

enum class PackKind : std::uint8_t {
  stored = 1,
  removed,  ///< the name
  dropped,  ///< the space with all its names
};

struct PackRecord {
  static constexpr std::uint32_t magic_number = 0x43455250U;  // "PREC"

  std::uint32_t magic = magic_number;
  std::uint32_t text_checksum = 0;  ///< CRC-32C of space and name
  std::uint64_t salt = 0;           ///< of the file
  std::uint64_t position = 0;       ///< of this record in it
  /// So much of the file was on the disk when this was written; of a writer that does not wait for the disk:
  /// so much was written. What is behind it, in the last such record, may be incomplete if the machine
  /// failed.
  std::uint64_t synced = 0;
  std::uint64_t revision = 0;
  std::uint64_t body_bytes = 0;
  std::uint32_t name_bytes = 0;
  std::uint32_t body_checksum = 0;
  std::uint32_t checksum = 0;  ///< CRC-32C of this, with a zero here
  std::uint16_t space_bytes = 0;
  PackKind kind = PackKind::stored;
  std::uint8_t unused = 0;

  [[nodiscard]] std::uint64_t text_bytes() const noexcept { return std::uint64_t{space_bytes} + name_bytes; }
  [[nodiscard]] std::uint64_t body_at() const noexcept;
  [[nodiscard]] std::uint64_t end() const noexcept;
};
static_assert(sizeof(PackRecord) == pack_line_bytes);

[[nodiscard]] constexpr std::uint64_t pack_rounded(std::uint64_t bytes) noexcept {
  return (bytes + pack_line_bytes - 1) / pack_line_bytes * pack_line_bytes;
}
inline std::uint64_t PackRecord::body_at() const noexcept {
  return position + pack_line_bytes + pack_rounded(text_bytes());
}
inline std::uint64_t PackRecord::end() const noexcept {
  return body_at() + pack_rounded(body_bytes);
}

void stamp(PackHeader& header) noexcept;
void stamp(PackRecord& record, std::string_view space, std::string_view name) noexcept;

/// The header of a file; none if these bytes are not that of a pack of this version.
[[nodiscard]] std::optional<PackHeader> read_pack_header(std::span<const std::byte> bytes) noexcept;
/// The first line of a record at that position of the file; none if these bytes are none.
[[nodiscard]] std::optional<PackRecord> read_pack_record(std::span<const std::byte> bytes, std::uint64_t salt,
                                                         std::uint64_t position) noexcept;

}  // namespace locum::storage
