#pragma once

#include <cstdint>
#include <vector>

#include "core/key.hpp"
#include "core/object/object.hpp"
#include "core/object/object_record.hpp"
#include "core/result.hpp"

namespace locum {

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
