#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "core/object/object_record.hpp"
#include "core/object/object_tail.hpp"
#include "core/value/result.hpp"

namespace locum {

/// A record of a backend holds an object: its payload, its tail (see object_tail.hpp), and these 96 bytes at
/// the end. The payload comes first, so that another program reads a record as it would read the payload, and
/// ignores its end. Numbers are little-endian.
struct RecordWords {
  static constexpr std::uint64_t magic_number = 0x31304D55434F4CU;  // "LOCUM01"
  static constexpr std::uint16_t current_version = 1;

  Key key;
  std::uint64_t generation = 0;  ///< of its name: the revision that it was stored with; 0 if unnamed
  std::uint64_t size_bytes = 0;  ///< of the payload
  std::uint64_t type_hash = 0;
  std::uint64_t name_hash = 0;   ///< 0 if unnamed
  std::uint64_t expires_ns = 0;  ///< since 1970; 0: never
  std::uint32_t name_bytes = 0;
  std::uint16_t type_name_bytes = 0;
  std::uint16_t version = current_version;
  std::uint8_t rank = 0;  ///< number of stored extents
  std::uint8_t has_checksum = 0;
  Layout layout = Layout::bytes;
  std::array<std::uint8_t, 17> unused{};
  std::uint32_t checksum = 0;  ///< CRC-32C of the tail and of the words before it
  std::uint64_t magic = magic_number;
};
static_assert(sizeof(RecordWords) == 96);

/// What the end of a record says of its object. The texts point into the record.
struct StoredFacts {
  RecordWords words;
  ObjectRecord object;
  ObjectTail tail;
  std::span<const std::byte> payload;  ///< only of a whole record
  std::uint64_t end_bytes = 0;         ///< length of tail and words
};

/// `unsupported` for an object whose elements need a larger alignment than records have where they are loaded
/// (record_alignment).
[[nodiscard]] Result<void> require_alignment_of_records(const ObjectMeta& meta);
/// Bytes that the record of an object has behind the payload.
[[nodiscard]] std::uint64_t record_end_bytes(const ObjectRecord& object) noexcept;
/// Writes the checksum of payload and tail, if the object has one, and the words. REQUIRES: `record` has the
/// payload, the tail behind it (write_tail), and room for the words.
void write_record_words(std::span<std::byte> record, const ObjectRecord& object, const Key& key,
                        std::uint64_t generation, std::uint64_t expires_ns) noexcept;
/// The length of the end of a record of which these are the last bytes, or a part of it if that is damaged; 0
/// if they are not the end of a record of this library.
[[nodiscard]] std::uint64_t record_end_bytes(std::span<const std::byte> last) noexcept;
/// Reads the end of a record: nothing in it is trusted. `last`: the record, or at least its end, of
/// `size_bytes` in all. `corrupt` if it is damaged or was cut; `unsupported` if a later version wrote it.
[[nodiscard]] Result<StoredFacts> read_record(std::span<const std::byte> last, std::uint64_t size_bytes);
/// Whether the checksum of payload and tail is right, or there is none. REQUIRES: of a whole record.
[[nodiscard]] Result<void> check_payload(const StoredFacts& facts);

/// Whether an error of loading a record says that it holds nothing for anybody: it is gone, damaged, or of a
/// later version. Any other error says nothing of the record, which may be there the next time.
[[nodiscard]] bool is_of_no_use(const Error& error) noexcept;

}  // namespace locum
