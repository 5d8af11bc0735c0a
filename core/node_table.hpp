#pragma once

#include <cstdint>
#include <vector>

#include "hash.hpp"
#include "key.hpp"
#include "object.hpp"
#include "result.hpp"

namespace locum {

/// What the table keeps of an object: 48 bytes, the same in every process (see docs/memory_layout.md). The
/// block at `offset` holds the payload and behind it, unaligned, what is seldom read: element size, extents,
/// type name, name.
struct ObjectRecord {
  std::uint64_t offset = 0;
  std::uint64_t size_bytes = 0;  ///< of the payload
  std::uint64_t type_hash = 0;
  std::uint64_t name_hash = 0;  ///< 0 if unnamed
  std::uint32_t store = 0;
  std::uint32_t name_bytes : 17 = 0;
  std::uint32_t check : 15 = 0;  ///< the table's own: check_of() while it was published
  std::uint16_t type_name_bytes = 0;
  std::uint8_t rank : 4 = 0;          ///< number of stored extents; an array with none has one, by its size
  std::uint8_t has_checksum : 4 = 0;  ///< 1: of payload and tail, stored in the tail
  Layout layout = Layout::bytes;
  std::uint32_t link = 0;  ///< the table's own, while it hands a dead object back to its owner

  /// Bytes of payload and what is behind it: the size of the block.
  [[nodiscard]] std::uint64_t block_bytes() const noexcept {
    return size_bytes + sizeof(std::uint32_t) * (1U + has_checksum) +
           std::uint64_t{rank} * sizeof(std::uint64_t) + type_name_bytes + name_bytes;
  }
};
static_assert(sizeof(ObjectRecord) == 48);

/// 15 bits over everything that a record says, but for `link`, which changes while the object is dead: so
/// that a stray store into a table is found by whoever reads the entry, and not followed. All words of it lie
/// in the line that a look-up has loaded anyway.
[[nodiscard]] inline std::uint32_t check_of(const ObjectRecord& record) noexcept {
  constexpr std::uint64_t k0 = 0x9E3779B97F4A7C15U;
  constexpr std::uint64_t k1 = 0xD6E8FEB86659FD93U;
  const std::uint64_t texts =
      (std::uint64_t{record.name_bytes} << 32U) | (std::uint64_t{record.type_name_bytes} << 16U) |
      (std::uint64_t{record.rank} << 8U) | (std::uint64_t{record.has_checksum} << 12U) |
      static_cast<std::uint64_t>(record.layout);
  const std::uint64_t sum = detail::fold_multiply(record.offset ^ k0, record.size_bytes ^ k1) ^
                            detail::fold_multiply(record.type_hash ^ k1, record.name_hash ^ k0) ^
                            detail::fold_multiply(texts ^ k0, record.store ^ k1);
  return static_cast<std::uint32_t>(sum >> 49U);
}

/// What stands in place of the generation of an object whose name another node is being asked to bind: pins
/// say 0, as of one that has none. A maker that dies before it is told leaves its object so.
inline constexpr std::uint64_t generation_asked_for = ~std::uint64_t{0};

/// An object that this process keeps from being reused. Plain data; every pin() needs its release().
struct Pin {
  std::uint64_t id = 0;  ///< the table's own; what the pin board wants
  Key key;
  const ObjectRecord* record = nullptr;  ///< stable while pinned
  std::uint64_t generation = 0;          ///< of its name; 0 if unnamed
};

/// How hard collect() looks: in constant time per object on average, or at everything that might have become
/// free.
enum class Effort : std::uint8_t { amortised, thorough };

/// Objects that are evicted but still viewed by somebody.
struct Pinned {
  std::uint64_t objects = 0;
  std::uint64_t bytes = 0;  ///< of their blocks
};

/// What a process owns: the objects that it made, and those of dead processes that it has adopted.
struct Owned {
  std::uint64_t live = 0;  ///< objects that are not evicted
  Pinned pinned;
};

/// Objects of the node, and who looks at them. Entries are made by the process that owns the object's memory
/// and read by all. A pin is a hazard record: published, then the entry is checked again; whoever frees marks
/// the entry first and then looks for pins, so that one of the two always sees the other. Any thread may
/// call.
class NodeTable : public PinBoard {
 public:
  /// Makes an object of this process visible by key; store and creator are set by the table.
  [[nodiscard]] virtual Result<Key> publish(const ObjectRecord& record) = 0;
  /// `not_found` for whatever is not a live object of this node, damaged keys included.
  [[nodiscard]] virtual Result<Pin> pin(const Key& key) = 0;
  /// Whether this is a live object without a name, for who is about to tombstone it: seen without a pin, true
  /// only if tombstone() then means that object or fails. False wherever a closer look is needed.
  [[nodiscard]] virtual bool unnamed(const Key& key) const noexcept = 0;
  /// The name of this object is bound at another node, with that generation; or is about to be
  /// (generation_asked_for). An object that has a name and neither is taken out of sight when its maker dies.
  virtual void set_generation(const Key& key, std::uint64_t generation) noexcept = 0;
  /// Takes a live object out of sight; its memory follows once nobody pins it. False if it was not live.
  [[nodiscard]] virtual bool tombstone(const Key& key) noexcept = 0;
  /// Appends to `out` the records of objects that this process owns and that are tombstoned and pinned by
  /// nobody; each is handed out once, its block is then the caller's to free. Returns what it still owns, as
  /// far as it looked. What `out` cannot grow for, because this process has no memory left, comes next time.
  virtual Owned collect(std::vector<ObjectRecord>& out, Effort effort) noexcept = 0;
  /// Keys of live objects of one store that this process owns.
  [[nodiscard]] virtual std::vector<Key> owned(std::uint32_t store) = 0;
  /// Keys of live objects that this process has adopted and whose makers never heard whether their names were
  /// bound at another node: whoever adopts asks there.
  [[nodiscard]] virtual std::vector<Key> unsettled() = 0;

 protected:
  ~NodeTable() = default;
};

}  // namespace locum
