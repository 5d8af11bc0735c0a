#pragma once

#include <cstdint>

#include "core/key.hpp"
#include "shm/names/directory_shard.hpp"
#include "shm/table/object_table.hpp"

namespace locum::shm {

/// Changes what a name of a shard stands for, in an order in which readers are never led astray for good, and
/// notes the intent first, so that whoever inherits the lock can finish what its holder began: see NameTable,
/// invariants 1 to 3. A value of one call. REQUIRES: the shard's lock is held, and the shard whole.
class NameChange {
 public:
  NameChange(DirectoryShard& shard, ObjectTable& objects) noexcept : shard_(shard), objects_(objects) {}

  /// What a name is to stand for.
  struct Binding {
    std::uint32_t record;
    std::uint64_t hash;
    Key object;
    Word64& bound;  ///< the object's generation word
    std::uint64_t generation;
  };
  /// Binds a name that stands for nothing, in a record of DirectoryShard::reserve_record().
  void insert(const Binding& to) noexcept;
  /// Binds a name that stands for `old` to another object; `old` is a tombstone then.
  void replace(const Binding& to, const Key& old) noexcept;
  /// Takes a name and its object out of sight.
  void remove(std::uint32_t record, std::uint64_t hash, const Key& old) noexcept;

  /// Completes what the lock's last holder noted, but for chains and free list; doing it twice changes
  /// nothing. REQUIRES: the lock was inherited; the shard need not be whole.
  void finish() noexcept;

 private:
  void intend(Intent::Step step, const Binding& to, const Key& old) noexcept;
  void bind_object(const Binding& to) noexcept;
  void clear_intent() noexcept;

  DirectoryShard& shard_;
  ObjectTable& objects_;
};

}  // namespace locum::shm
