#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "core/base/checksum.hpp"
#include "core/base/wall_clock.hpp"
#include "core/object/object_record.hpp"

namespace locum {

/// The tail: metadata behind the payload in an object's block: element size, checksum and moment of expiry
/// (if the object has them), extents, type name, name. Unaligned, so that a small object pays only for the
/// bytes it needs.
struct ObjectTail {
  std::uint32_t element_bytes = 1;
  Extents extents;
  std::string_view type_name;
  std::string_view name;
};

/// Writes the tail of `record`'s block. REQUIRES: `block` has record.block_bytes() bytes, and the lengths in
/// `record` are those of `tail`.
inline void write_tail(std::byte* block, const ObjectRecord& record, const ObjectTail& tail) noexcept {
  std::byte* at = block + record.size_bytes;
  const auto append = [&at](const void* from, std::size_t bytes) {
    if (bytes > 0) {
      std::memcpy(at, from, bytes);
      at += bytes;
    }
  };
  append(&tail.element_bytes, sizeof tail.element_bytes);
  at += record.extra_words * sizeof(std::uint32_t);
  append(tail.extents.values.data(), record.rank * sizeof(std::uint64_t));
  append(tail.type_name.data(), tail.type_name.size());
  append(tail.name.data(), tail.name.size());
}

/// The name alone; empty if unnamed. The text is in the block.
[[nodiscard]] inline std::string_view read_name(const std::byte* block, const ObjectRecord& record) noexcept {
  const std::byte* name = block + (record.block_bytes() - record.name_bytes);
  return {reinterpret_cast<const char*>(name), record.name_bytes};
}

/// The whole tail, which starts at `at`. The texts are in it.
[[nodiscard]] inline ObjectTail read_tail_at(const std::byte* at, const ObjectRecord& record) noexcept {
  ObjectTail tail;
  std::memcpy(&tail.element_bytes, at, sizeof tail.element_bytes);
  at += sizeof tail.element_bytes + record.extra_words * sizeof(std::uint32_t);
  tail.extents.rank = std::min<std::uint8_t>(record.rank, max_rank);
  std::memcpy(tail.extents.values.data(), at, tail.extents.rank * sizeof(std::uint64_t));
  at += std::size_t{record.rank} * sizeof(std::uint64_t);
  if (record.layout == Layout::array && record.rank == 0 && tail.element_bytes != 0) {
    tail.extents.rank = 1;
    tail.extents.values[0] = record.size_bytes / tail.element_bytes;
  }
  tail.type_name = {reinterpret_cast<const char*>(at), record.type_name_bytes};
  tail.name = {reinterpret_cast<const char*>(at) + record.type_name_bytes, record.name_bytes};
  return tail;
}

/// The whole tail of a block.
[[nodiscard]] inline ObjectTail read_tail(const std::byte* block, const ObjectRecord& record) noexcept {
  return read_tail_at(block + record.size_bytes, record);
}

/// When an object expires, given its tail, which starts at `at`: nanoseconds since 1970; 0: never.
[[nodiscard]] inline std::uint64_t expiry_in_tail(const std::byte* at, const ObjectRecord& record) noexcept {
  std::uint64_t moment = 0;
  if (record.has_expiry()) {
    std::memcpy(&moment, at + sizeof(std::uint32_t) * (1U + (record.has_checksum() ? 1U : 0U)),
                sizeof moment);
  }
  return moment;
}
/// The same, given its block.
[[nodiscard]] inline std::uint64_t expiry_of(const std::byte* block, const ObjectRecord& record) noexcept {
  return expiry_in_tail(block + record.size_bytes, record);
}
/// How long it still lives, rounded up, at least 1; 0: it does not expire.
[[nodiscard]] inline std::uint64_t lifetime_left_ms(const std::byte* block,
                                                    const ObjectRecord& record) noexcept {
  if (!record.has_expiry()) {
    return 0;
  }
  constexpr std::uint64_t ns_in_ms = 1'000'000;
  const std::uint64_t moment = expiry_of(block, record);
  const std::uint64_t now = nanoseconds_since_1970();
  return moment > now ? (moment - now) / ns_in_ms + 1 : 1;
}
/// Sets it. REQUIRES: record.has_expiry().
inline void write_expiry(std::byte* block, const ObjectRecord& record, std::uint64_t moment) noexcept {
  std::memcpy(block + record.size_bytes + sizeof(std::uint32_t) * (1U + (record.has_checksum() ? 1U : 0U)),
              &moment, sizeof moment);
}

/// Position of the checksum of a block. REQUIRES: record.has_checksum().
[[nodiscard]] inline std::uint64_t checksum_at(const ObjectRecord& record) noexcept {
  return record.size_bytes + sizeof(std::uint32_t);
}
/// The checksum of all bytes of a block except the checksum's own.
[[nodiscard]] inline std::uint32_t checksum_of(const std::byte* block, const ObjectRecord& record) noexcept {
  const std::span<const std::byte> all(block, record.block_bytes());
  const std::uint64_t at = checksum_at(record);
  return checksum(all.subspan(at + sizeof(std::uint32_t)), checksum(all.first(at)));
}

/// Whether a tail is consistent with the table: the texts have the recorded hashes, and the extents match the
/// payload.
[[nodiscard]] inline bool is_whole(const ObjectTail& tail, const ObjectRecord& record) noexcept {
  if (text_hash(tail.type_name) != record.type_hash ||
      (record.name_bytes > 0 && name_hash(record.store, tail.name) != record.name_hash)) {
    return false;
  }
  switch (record.layout) {
    case Layout::bytes:
    case Layout::encoded:
      return tail.element_bytes == 1;
    case Layout::flat:
      return tail.element_bytes == record.size_bytes;
    case Layout::array:
      break;
  }
  return tail.element_bytes != 0 && record.size_bytes % tail.element_bytes == 0 &&
         tail.extents.has(record.size_bytes / tail.element_bytes);
}

/// The metadata of a pinned object. The texts are in its tail, which starts at `at`.
[[nodiscard]] inline ObjectFacts facts_of_tail(const Pin& pin, const std::byte* at) {
  const ObjectRecord& record = *pin.record;
  const ObjectTail tail = read_tail_at(at, record);
  return {pin.key,       record.size_bytes, pin.generation, record.type_hash, tail.element_bytes,
          record.layout, tail.extents,      tail.type_name, tail.name,        is_whole(tail, record)};
}

/// The metadata of an object, given its block.
[[nodiscard]] inline ObjectFacts facts_of(const Pin& pin, const std::byte* block) {
  return facts_of_tail(pin, block + pin.record->size_bytes);
}

}  // namespace locum
