#pragma once

#include <cstdint>
#include <string_view>

#include "core/base/hash.hpp"
#include "core/object/object.hpp"
#include "core/value/key.hpp"

namespace locum {

/// Hash of a name within a store: its position in the directory; also part of handles. Never 0.
[[nodiscard]] inline std::uint64_t name_hash(std::uint32_t store, std::string_view name) noexcept {
  const std::uint64_t hash = hash64(name, store);
  return hash == 0 ? 1 : hash;
}

/// A table entry's record of an object: 48 bytes, the same in every process (see docs/memory_layout.md). The
/// block at `offset` holds the payload and behind it, unaligned, the rarely read metadata: element size,
/// extents, type name, name.
struct ObjectRecord {
  std::uint64_t offset = 0;
  std::uint64_t size_bytes = 0;  ///< of the payload
  std::uint64_t type_hash = 0;
  std::uint64_t name_hash = 0;  ///< 0 if unnamed
  std::uint32_t store = 0;
  std::uint32_t name_bytes : 17 = 0;
  std::uint32_t check : 15 = 0;  ///< for the table only: check_of() when it was published
  std::uint16_t type_name_bytes = 0;
  std::uint8_t rank : 4 = 0;  ///< number of stored extents; an array with none has one, given by its size
  /// Words of 4 bytes that only the tails of some objects have; their number says which, see has_checksum()
  /// and has_expiry().
  std::uint8_t extra_words : 4 = 0;
  Layout layout = Layout::bytes;
  std::uint32_t link = 0;  ///< for the table only, while it returns a dead object to its owner

  static constexpr std::uint8_t checksum_words = 1;
  static constexpr std::uint8_t expiry_words = 2;
  /// Whether the tail holds a checksum of payload and tail.
  [[nodiscard]] bool has_checksum() const noexcept { return (extra_words & checksum_words) != 0; }
  /// Whether the tail holds the moment at which the object expires.
  [[nodiscard]] bool has_expiry() const noexcept { return (extra_words & expiry_words) != 0; }

  /// Size of the block: payload and tail.
  [[nodiscard]] std::uint64_t block_bytes() const noexcept {
    return size_bytes + sizeof(std::uint32_t) * (1U + extra_words) +
           std::uint64_t{rank} * sizeof(std::uint64_t) + type_name_bytes + name_bytes;
  }
};
static_assert(sizeof(ObjectRecord) == 48);

/// 15-bit check of all fields except `link`, which changes while the object is dead: a reader of the entry
/// detects a stray store into the table, and does not follow it. All its words are in the cache line that a
/// look-up has loaded anyway.
[[nodiscard, gnu::always_inline]] inline std::uint32_t check_of(const ObjectRecord& record) noexcept {
  constexpr std::uint64_t k0 = 0x9E3779B97F4A7C15U;
  constexpr std::uint64_t k1 = 0xD6E8FEB86659FD93U;
  const std::uint64_t texts =
      (std::uint64_t{record.name_bytes} << 32U) | (std::uint64_t{record.type_name_bytes} << 16U) |
      (std::uint64_t{record.rank} << 8U) | (std::uint64_t{record.extra_words} << 12U) |
      static_cast<std::uint64_t>(record.layout);
  const std::uint64_t sum = detail::fold_multiply(record.offset ^ k0, record.size_bytes ^ k1) ^
                            detail::fold_multiply(record.type_hash ^ k1, record.name_hash ^ k0) ^
                            detail::fold_multiply(texts ^ k0, record.store ^ k1);
  return static_cast<std::uint32_t>(sum >> 49U);
}

/// Stands for the generation while another node is being asked to bind the object's name; pins report it as
/// 0. It remains if the maker dies before the reply.
inline constexpr std::uint64_t generation_asked_for = ~std::uint64_t{0};

/// A pinned object of this process. Plain data; every pin() needs its release().
struct Pin {
  std::uint64_t id = 0;  ///< for the table only; passed to the pin board
  Key key;
  const ObjectRecord* record = nullptr;  ///< stable while pinned
  std::uint64_t generation = 0;          ///< of its name; 0 if unnamed
  /// Its payload may be on disk: see ObjectSpill::bring_back(). Its record, and the tail of its block, are in
  /// memory nevertheless.
  bool on_disk = false;
};

}  // namespace locum
