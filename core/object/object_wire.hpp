#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>

#include "core/object/object_record.hpp"

namespace locum {

/// What is sent of an object beside the bytes of its block: 72 bytes. The block itself (payload and tail, see
/// object_tail.hpp) travels as it stands in the owner's memory.
struct ObjectWire {
  Key key;
  std::uint64_t generation = 0;  ///< of its name; 0 if unnamed
  ObjectRecord record;           ///< offset and link are the owner's own, and 0 here
};
static_assert(sizeof(ObjectWire) == 72);

[[nodiscard]] inline ObjectWire wire_of(const Pin& pin, std::uint64_t generation) noexcept {
  ObjectWire wire{pin.key, generation, *pin.record};
  wire.record.offset = 0;
  wire.record.link = 0;
  return wire;
}

/// Whether these can be the words of an object. Says nothing about its block.
[[nodiscard]] inline bool plausible(const ObjectWire& wire) noexcept {
  const ObjectRecord& record = wire.record;
  return wire.key.valid() && record.size_bytes < (std::uint64_t{1} << 62U) && record.rank <= max_rank &&
         record.has_checksum <= 1 && record.name_bytes <= (1U << 16U) &&
         static_cast<std::uint8_t>(record.layout) <= static_cast<std::uint8_t>(Layout::encoded) &&
         (record.name_bytes == 0) == (record.name_hash == 0) && record.store == wire.key.store;
}

/// Plain words at the front of a message's body. None if it is too short.
template <class T>
[[nodiscard]] std::optional<T> read_words(std::span<const std::byte> bytes) noexcept {
  static_assert(std::is_trivially_copyable_v<T>);
  if (bytes.size() < sizeof(T)) {
    return std::nullopt;
  }
  std::optional<T> words(std::in_place);
  std::memcpy(&*words, bytes.data(), sizeof(T));
  return words;
}

/// The words as bytes, for sending. REQUIRES: no padding.
template <class T>
[[nodiscard]] std::span<const std::byte> words(const T& of) noexcept {
  static_assert(std::is_trivially_copyable_v<T>);
  return std::as_bytes(std::span(&of, 1));
}

/// A fetch, an evict, a look at an object: by key.
struct KeyWords {
  Key key;
};
static_assert(sizeof(KeyWords) == 16);

/// Some bytes of an object's payload.
struct PartWords {
  Key key;
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;  ///< at least 1
};
static_assert(sizeof(PartWords) == 32);

/// A hyperslab of an array, packed, from a position on.
struct HyperslabWords {
  Key key;
  std::uint64_t position = 0;  ///< in bytes, less than it has
  std::uint32_t rank = 0;      ///< 1 to 8; what is beyond it below is not looked at
  std::uint32_t element_bytes = 0;
  std::array<std::uint64_t, max_rank> start{};
  std::array<std::uint64_t, max_rank> count{};   ///< at least 1
  std::array<std::uint64_t, max_rank> stride{};  ///< at least 1
};
static_assert(sizeof(HyperslabWords) == 224);

/// What answers these two; the bytes are the bulk: of a hyperslab all from the position on, or fewer. The
/// type's name follows, if it is not too long.
struct PartWire {
  ObjectWire object;
  std::uint32_t element_bytes = 1;
  std::uint32_t type_name_bytes = 0;
};
static_assert(sizeof(PartWire) == 80);

inline constexpr std::uint64_t any_bytes = ~std::uint64_t{0};

/// An object by key, if its block has at most so many bytes; else only what it is.
struct FetchWords {
  Key key;
  std::uint64_t most_bytes = any_bytes;
};
static_assert(sizeof(FetchWords) == 24);

/// What answers a `copy`; the bulk is the block.
struct CopyWords {
  ObjectWire object;
  std::uint64_t listed = 0;  ///< not 0: the asker's node is told when the object goes out of sight
};
static_assert(sizeof(CopyWords) == 80);

/// What answers a `lease_read` without a bulk: the block may be read one-sidedly, by the key that follows.
struct ReadLeaseWords {
  CopyWords copy;
  std::uint64_t number = 0;       ///< of the lease, at the rank that answers
  std::uint64_t duration_ns = 0;  ///< from the answer on; the asker counts from its question on
  std::uint64_t key_bytes = 0;
};
static_assert(sizeof(ReadLeaseWords) == 104);

/// The end of a read, and the question whether it has ended.
struct EndReadWords {
  std::uint64_t number = 0;
};
static_assert(sizeof(EndReadWords) == 8);

/// When will that flight have ended?
struct JoinWords {
  Key key;
  std::uint64_t generation = 0;  ///< of the flight's mark, in the directory of the node of both
};
static_assert(sizeof(JoinWords) == 24);

/// Who is dead.
struct RankWords {
  std::uint32_t rank = 0;
};
static_assert(sizeof(RankWords) == 4);

/// A look-up; the name is the bulk.
struct NameWords {
  std::uint32_t store = 0;
  std::uint32_t value_wanted = 0;  ///< 0: only whether it is there
};
static_assert(sizeof(NameWords) == 8);

/// A look-up that may be answered later; the name is the bulk.
struct AwaitWords {
  std::uint32_t store = 0;
  std::uint32_t unused = 0;
  std::uint64_t patience_ns = 0;  ///< after that the asker does not care any more, and gets no answer
};
static_assert(sizeof(AwaitWords) == 16);

/// A name for an object. The bulk is the object's block if `has_value`, else the name.
struct BindWords {
  ObjectWire object;
  std::uint64_t expected_generation = 0;
  std::uint32_t replaces = 0;
  std::uint32_t has_value = 0;
};
static_assert(sizeof(BindWords) == 88);

/// In place of the generation in the answer to a bind: nothing was done, but room for it is being made;
/// whoever asks again a little later may find it.
inline constexpr std::uint64_t bind_later = 0;

/// A name to be taken out of sight; the name is the bulk.
struct UnbindWords {
  Key only;  ///< if valid: only while it stands for this object, which the asker itself takes out of sight
  std::uint32_t store = 0;
  std::uint32_t unused = 0;
};
static_assert(sizeof(UnbindWords) == 24);

}  // namespace locum
