#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <unordered_map>

#include "key.hpp"
#include "mutex.hpp"
#include "result.hpp"

namespace locum::detail {

/// The decoded values of one process, so that an object is decoded once: gets at the same time share one
/// decoding, later ones find its result as long as somebody uses it or it fits the budget (least recently
/// used goes first; counted by stored size). Keys never come back, so an entry is never wrong; it is never
/// served after an eviction, because callers pin the object before they ask. Any thread may call.
class DecodedCache {
 public:
  struct Value {
    std::shared_ptr<const void> value;
    bool found = false;  ///< somebody else had decoded it
  };
  using Decode = std::function<Result<std::shared_ptr<const void>>()>;

  explicit DecodedCache(std::uint64_t budget_bytes) : budget_bytes_(budget_bytes) {}

  /// The value of `key` as the C++ type that `type` stands for. Calls `decode`, without the cache's lock,
  /// where there is none; an error is not kept.
  [[nodiscard]] Result<Value> get(const Key& key, const void* type, std::uint64_t stored_bytes,
                                  const Decode& decode);
  /// Lets go of all values; those in use live on with their users.
  void clear();
  /// Stored bytes of the values that are kept.
  [[nodiscard]] std::uint64_t kept_bytes() const;

 private:
  struct Id {
    Key key;
    const void* type;
    friend bool operator==(const Id&, const Id&) = default;
  };
  struct IdHash {
    std::size_t operator()(const Id& id) const noexcept {
      return std::hash<Key>{}(id.key) ^ std::hash<const void*>{}(id.type);
    }
  };
  /// One value, or the decoding of it: who holds the mutex decodes, the others wait for it.
  struct Slot {
    Mutex decoding;
    std::weak_ptr<const void> value LOCUM_GUARDED_BY(decoding);
  };
  struct Kept {
    Id id;
    std::shared_ptr<const void> value;
    std::uint64_t stored_bytes;
  };

  std::shared_ptr<Slot> slot_of(const Id& id);
  void keep(const Id& id, std::shared_ptr<const void> value, std::uint64_t stored_bytes);
  void sweep() LOCUM_REQUIRES(mutex_);

  const std::uint64_t budget_bytes_;
  mutable Mutex mutex_;
  std::unordered_map<Id, std::shared_ptr<Slot>, IdHash> slots_ LOCUM_GUARDED_BY(mutex_);
  std::size_t sweep_at_ LOCUM_GUARDED_BY(mutex_) = 64;
  std::list<Kept> kept_ LOCUM_GUARDED_BY(mutex_);  // most recently used first
  std::unordered_map<Id, std::list<Kept>::iterator, IdHash> kept_by_id_ LOCUM_GUARDED_BY(mutex_);
  std::uint64_t kept_bytes_ LOCUM_GUARDED_BY(mutex_) = 0;
};

}  // namespace locum::detail
