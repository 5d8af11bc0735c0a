#pragma once

#include <cstdint>

#include "core/value/key.hpp"
#include "shm/names/directory_shard.hpp"
#include "shm/table/object_table.hpp"

namespace locum::shm {

/// Changes the binding of a name of a shard, in an order in which readers recover from any inconsistency, and
/// records the intent first, so that a process that inherits the lock can finish the change: see NameTable,
/// invariants 1 to 3. For one call. REQUIRES: the shard's lock is held, and the shard whole.
class NameChange {
 public:
  NameChange(DirectoryShard& shard, ObjectTable& objects) noexcept : shard_(shard), objects_(objects) {}

  /// The new binding of a name.
  struct Binding {
    std::uint32_t record;
    std::uint64_t hash;
    Key object;
    Word64& bound;  ///< the object's generation word
    std::uint64_t generation;
  };
  /// Binds an unbound name, in a record of DirectoryShard::reserve_record().
  void insert(const Binding& to) noexcept;
  /// Binds a name that is bound to `old` to another object; `old` is a tombstone then.
  void replace(const Binding& to, const Key& old) noexcept;
  /// Unbinds a name and tombstones its object.
  void remove(std::uint32_t record, std::uint64_t hash, const Key& old) noexcept;

  /// Completes the intent of the lock's last holder, except chains and free list; may be repeated. REQUIRES:
  /// the lock was inherited; the shard need not be whole.
  void finish() noexcept;

 private:
  void intend(Intent::Step step, const Binding& to, const Key& old) noexcept;
  void bind_object(const Binding& to) noexcept;
  void clear_intent() noexcept;

  DirectoryShard& shard_;
  ObjectTable& objects_;
};

}  // namespace locum::shm
