#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>

#include "core/object/object_record.hpp"

namespace locum {

/// The record of an object in messages: 72 bytes. The block itself (payload and tail, see object_tail.hpp) is
/// sent as it is in the owner's memory.
struct ObjectWire {
  Key key;
  std::uint64_t generation = 0;  ///< of its name; 0 if unnamed
  ObjectRecord record;           ///< offset and link are local to the owner, and 0 here
};
static_assert(sizeof(ObjectWire) == 72);

[[nodiscard]] inline ObjectWire wire_of(const Pin& pin, std::uint64_t generation) noexcept {
  ObjectWire wire{pin.key, generation, *pin.record};
  wire.record.offset = 0;
  wire.record.link = 0;
  return wire;
}

/// Whether this can be the record of an object. Does not check its block.
[[nodiscard]] inline bool plausible(const ObjectWire& wire) noexcept {
  const ObjectRecord& record = wire.record;
  return wire.key.valid() && record.size_bytes < (std::uint64_t{1} << 62U) && record.rank <= max_rank &&
         record.extra_words <= (ObjectRecord::checksum_words | ObjectRecord::expiry_words) &&
         record.name_bytes <= (1U << 16U) &&
         static_cast<std::uint8_t>(record.layout) <= static_cast<std::uint8_t>(Layout::encoded) &&
         (record.name_bytes == 0) == (record.name_hash == 0) && record.store == wire.key.store;
}

/// The struct at the front of a message's body. None if that is too short.
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

/// The struct as bytes, for sending. REQUIRES: no padding.
template <class T>
[[nodiscard]] std::span<const std::byte> words(const T& of) noexcept {
  static_assert(std::is_trivially_copyable_v<T>);
  return std::as_bytes(std::span(&of, 1));
}

/// A fetch, an evict, an exists: by key.
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

/// A packed hyperslab of an array, from a position on.
struct HyperslabWords {
  Key key;
  std::uint64_t position = 0;  ///< in bytes, less than its size
  std::uint32_t rank = 0;      ///< 1 to 8; later entries of the arrays are ignored
  std::uint32_t element_bytes = 0;
  std::array<std::uint64_t, max_rank> start{};
  std::array<std::uint64_t, max_rank> count{};   ///< at least 1
  std::array<std::uint64_t, max_rank> stride{};  ///< at least 1
};
static_assert(sizeof(HyperslabWords) == 224);

/// The reply to these two; the bulk holds the bytes: of a hyperslab all from the position on, or fewer. The
/// stored extents of the whole object follow (`object.record.rank` numbers of 8 bytes), and the type's name,
/// if it is not too long.
struct PartWire {
  ObjectWire object;
  std::uint32_t element_bytes = 1;
  std::uint32_t type_name_bytes = 0;
};
static_assert(sizeof(PartWire) == 80);

inline constexpr std::uint64_t any_bytes = ~std::uint64_t{0};

/// An object by key, if its block has at most this size; else only its record.
struct FetchWords {
  Key key;
  std::uint64_t most_bytes = any_bytes;
};
static_assert(sizeof(FetchWords) == 24);

/// The reply to a `copy`; the bulk is the block.
struct CopyWords {
  ObjectWire object;
  std::uint64_t listed = 0;  ///< not 0: the asking node is notified when the object is evicted
};
static_assert(sizeof(CopyWords) == 80);

/// The reply to a `lease_read` without a bulk: the block may be read one-sidedly, by the key that follows.
struct ReadLeaseWords {
  CopyWords copy;
  std::uint64_t number = 0;       ///< of the lease, at the replying rank
  std::uint64_t duration_ns = 0;  ///< from the reply on; the asking rank counts from its request on
  std::uint64_t key_bytes = 0;
};
static_assert(sizeof(ReadLeaseWords) == 104);

/// The end of a read, and the query whether it has ended.
struct EndReadWords {
  std::uint64_t number = 0;
};
static_assert(sizeof(EndReadWords) == 8);

/// Query for the end of a flight.
struct JoinWords {
  Key key;
  std::uint64_t generation = 0;  ///< of the flight's mark, in the directory of their node
};
static_assert(sizeof(JoinWords) == 24);

/// A dead rank.
struct RankWords {
  std::uint32_t rank = 0;
};
static_assert(sizeof(RankWords) == 4);

/// A look-up; the name is the bulk.
struct NameWords {
  std::uint32_t store = 0;
  std::uint32_t value_wanted = 0;  ///< 0: only whether it is bound
};
static_assert(sizeof(NameWords) == 8);

/// Most bytes of a block in the reply to a wait: a part of 64 KiB, and what describes it.
inline constexpr std::uint32_t most_bytes_along = 80U << 10U;

/// A look-up that may be answered later; the name is the bulk.
struct AwaitWords {
  std::uint32_t store = 0;
  /// The reply may have a block of at most so many bytes (no more than most_bytes_along), or of inline_bytes.
  std::uint32_t most_bytes = 0;
  std::uint64_t patience_ns = 0;  ///< after that the asking rank has given up, and gets no reply
};
static_assert(sizeof(AwaitWords) == 16);

/// A name to be bound to an object. The bulk is the object's block, or the name alone if `value` is none.
struct BindWords {
  /// What comes with the name.
  enum Value : std::uint32_t {
    none,
    sent,   ///< the object's block, of which the home keeps a copy
    given,  ///< the same, and the home makes its own object of it: nobody will know that of the asker
  };

  ObjectWire object;
  std::uint64_t expected_generation = 0;
  std::uint32_t replaces = 0;
  std::uint32_t value = none;
  /// How long the object lives from now on; 0: until it is evicted. Counted anew by the home's clock: so a
  /// put takes its name too late rather than too early.
  std::uint64_t lifetime_ms = 0;
};
static_assert(sizeof(BindWords) == 96);

/// Reply to a bind of an object that is given.
struct GivenWords {
  std::uint64_t generation = 0;  ///< alone, in other replies; see bind_later
  Key key;                       ///< of the home's object
};
static_assert(sizeof(GivenWords) == 24);

/// Sent instead of the generation in the reply to a bind: nothing was bound, but room is being made; a retry
/// a little later may find it.
inline constexpr std::uint64_t bind_later = 0;

/// A name to be unbound; the name is the bulk.
struct UnbindWords {
  Key only;  ///< if valid: only if bound to this object, which the asking rank itself evicts
  std::uint32_t store = 0;
  std::uint32_t unused = 0;
};
static_assert(sizeof(UnbindWords) == 24);

}  // namespace locum
