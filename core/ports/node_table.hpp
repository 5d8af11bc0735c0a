#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "core/object/object.hpp"
#include "core/object/object_record.hpp"
#include "core/ports/store_accounts.hpp"
#include "core/value/key.hpp"
#include "core/value/result.hpp"

namespace locum {

/// How thoroughly collect() looks: in constant time per object on average, or at all objects that might be
/// free.
enum class Effort : std::uint8_t { amortised, thorough };

/// Objects that are evicted but still viewed.
struct Pinned {
  std::uint64_t objects = 0;
  std::uint64_t bytes = 0;  ///< of their blocks
};

/// Objects that a process owns: those that it made, and those of dead processes that it adopted.
struct Owned {
  std::uint64_t live = 0;  ///< objects that are not evicted
  Pinned pinned;
};

/// Owners of the objects that are meant.
enum class Whose : std::uint8_t {
  own,   ///< those that this process owns
  node,  ///< those of all its ranks
};

/// Objects that own_keys() lists.
enum class Having : std::uint8_t {
  unsettled_name,  ///< adopted objects whose makers did not learn whether their names were bound at another
                   ///< node: the adopter asks there
  lifetime,        ///< objects that expire
};

/// Frees the block of a record.
using FreeBlock = std::function<void(const ObjectRecord& record)>;

/// The objects of the node and their pins. Entries are made by the process that owns the object's memory and
/// read by all. A pin is a hazard record: it is published, then the entry is checked again; a process that
/// frees an object marks the entry first and then looks for pins, so that one of the two always sees the
/// other. Any thread may call.
class NodeTable : public PinBoard {
 public:
  /// Makes an object of this process visible by key; the table sets store and creator.
  [[nodiscard]] virtual Result<Key> publish(const ObjectRecord& record) = 0;
  /// Pins an object; `not_found` unless the key is that of a live object of this node, also for damaged keys.
  [[nodiscard]] virtual Result<Pin> pin(const Key& key) = 0;
  /// Returns whether this is a live object without a name, checked without a pin before a tombstone(): if
  /// true, tombstone() then affects that object or fails. False if a closer look is needed.
  [[nodiscard]] virtual bool unnamed(const Key& key) const noexcept = 0;
  /// Records that the object's name is bound at another node, with that generation; or is about to be
  /// (generation_asked_for). A named object without either is hidden when its maker dies.
  virtual void set_generation(const Key& key, std::uint64_t generation) noexcept = 0;
  /// Hides a live object; its memory is freed once it is not pinned. Returns false if it was not live.
  [[nodiscard]] virtual bool tombstone(const Key& key) noexcept = 0;
  /// Calls `free` with the record of each object of this process that is tombstoned and not pinned, once: it
  /// frees the block, and does not call the table. Returns the objects that the process still owns, as far as
  /// it looked.
  virtual Owned collect(const FreeBlock& free, Effort effort) noexcept = 0;
  /// Returns the keys of live objects of one store.
  [[nodiscard]] virtual std::vector<Key> keys(std::uint32_t store, Whose whose) = 0;
  /// Returns the keys of live objects of all stores that this process owns, and that `what` selects.
  [[nodiscard]] virtual std::vector<Key> own_keys(Having what) = 0;

  /// Returns the accounts in which collect() counts objects back; null: stores have no budgets here.
  [[nodiscard]] StoreAccounts* accounts() const noexcept { return accounts_; }

 protected:
  ~NodeTable() = default;
  void set_accounts(StoreAccounts& accounts) noexcept { accounts_ = &accounts; }

 private:
  StoreAccounts* accounts_ = nullptr;
};

}  // namespace locum
