#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "core/node/disk_copy.hpp"
#include "core/node/reference.hpp"
#include "core/object/internal_stores.hpp"
#include "core/object/object_tail.hpp"
#include "core/ports/arena.hpp"
#include "core/ports/directory.hpp"
#include "core/ports/memory_monitor.hpp"
#include "core/ports/node_table.hpp"
#include "core/value/errors.hpp"

namespace locum {

/// A pin that the destructor releases. Like a view, it keeps the table alive.
class PinnedObject {
 public:
  PinnedObject(const std::shared_ptr<NodeTable>& table, const Pin& pin) noexcept
      : table_(*table), pin_(pin) {}
  PinnedObject(const PinnedObject&) = delete;
  PinnedObject& operator=(const PinnedObject&) = delete;
  ~PinnedObject() { table_.release(pin_.id); }

  [[nodiscard]] const Pin& pin() const noexcept { return pin_; }
  /// What there is in the place of its block, if that is on disk and the node has no room for it.
  [[nodiscard]] const std::shared_ptr<DiskCopy>& copy() const noexcept { return copy_; }
  void read_from(std::shared_ptr<DiskCopy> copy) noexcept { copy_ = std::move(copy); }

 private:
  NodeTable& table_;
  const Pin pin_;
  std::shared_ptr<DiskCopy> copy_;
};

[[nodiscard]] inline Error no_such_maker(const Key& key) {
  return memory_damaged("a name refers to an object of a nonexistent rank").about(to_string(key));
}

[[nodiscard]] inline Error block_outside_memory() {
  return memory_damaged("the table entry of this object points outside the node's memory");
}

/// Whether an object's block lies within the memory of the node: other processes write the entries, and
/// offsets outside the arenas are not followed.
[[nodiscard]] inline bool holds(const Arena& arena, const ObjectRecord& record) noexcept {
  const std::uint64_t bytes = record.block_bytes();
  return bytes > record.size_bytes && arena.contains(record.offset, bytes);  // the sum may have overflowed
}

/// The contents of a node, as the cross-node protocols see it: memory, table, and the names at home here.
struct NodeMemory {
  std::shared_ptr<Arena> arena;
  std::shared_ptr<NodeTable> table;
  std::shared_ptr<Directory> directory;
  std::shared_ptr<MemoryMonitor> monitor = nullptr;  ///< null: no call can wait for memory
  std::shared_ptr<ObjectSpill> spill = nullptr;      ///< null: objects do not leave memory

  [[nodiscard]] bool holds(const ObjectRecord& record) const { return locum::holds(*arena, record); }
  /// REQUIRES: holds(*pin.record).
  [[nodiscard]] std::span<const std::byte> block(const Pin& pin) const {
    return {arena->data(pin.record->offset), pin.record->block_bytes()};
  }
  /// The payload alone. REQUIRES: holds(*pin.record).
  [[nodiscard]] std::span<const std::byte> payload(const Pin& pin) const {
    return {arena->data(pin.record->offset), pin.record->size_bytes};
  }
  /// Empty if it has none. REQUIRES: holds(*pin.record).
  [[nodiscard]] std::string_view name(const Pin& pin) const {
    return read_name(arena->data(pin.record->offset), *pin.record);
  }
  /// The pin with shared ownership, made like a PinnedObject.
  template <class Kept = const PinnedObject>
  [[nodiscard]] std::shared_ptr<Kept> keep(const Pin& pin) const {
    return std::make_shared<Kept>(table, pin);
  }
  /// The object, pinned, unless it is internal to the node, with a key that no program knows: a reference to
  /// an object of another node, or an object in an internal store.
  [[nodiscard]] Result<Pin> pin_object(const Key& key) const {
    auto pin = is_internal(key.store) ? Result<Pin>(no_such_object()) : table->pin(key);
    if (pin && pin->record->type_hash == reference_type_hash) {
      table->release(pin->id);
      return no_such_object();
    }
    return pin;
  }
  /// pin_object(), with shared ownership: while owned, the tail of its block may be read. `corrupt` if that
  /// lies elsewhere.
  [[nodiscard]] Result<std::shared_ptr<PinnedObject>> hold_facts(const Key& key) const {
    const auto pin = pin_object(key);
    if (!pin) {
      return pin.error();
    }
    auto object = keep<PinnedObject>(*pin);
    if (!holds(*pin->record)) {
      return block_outside_memory().about(to_string(key));
    }
    return object;
  }
  /// The same, and block() of it may be read. `timeout`: it is on disk, and bringing it to memory takes more
  /// than the budget allows.
  [[nodiscard]] Result<std::shared_ptr<const PinnedObject>> hold_object(const Key& key,
                                                                        WaitBudget budget) const {
    auto object = hold_facts(key);
    if (!object) {
      return object.error();
    }
    if ((*object)->pin().on_disk) [[unlikely]] {
      auto copy = from_disk(spill.get(), (*object)->pin(), budget);
      if (!copy) {
        return copy.error();
      }
      (*object)->read_from(std::move(*copy));
    }
    return std::shared_ptr<const PinnedObject>(std::move(*object));
  }
  /// REQUIRES: from hold_object().
  [[nodiscard]] std::span<const std::byte> block(const PinnedObject& object) const {
    return object.copy() ? object.copy()->block() : block(object.pin());
  }
  /// The reference in a pinned object; none if it is a plain object.
  [[nodiscard]] std::optional<Reference> reference(const Pin& pin) const {
    if (pin.record->type_hash != reference_type_hash || !holds(*pin.record)) {
      return std::nullopt;
    }
    return read_reference(payload(pin));
  }
};

}  // namespace locum
