#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <unordered_map>

#include "core/base/mutex.hpp"
#include "core/value/deadline.hpp"
#include "core/value/key.hpp"
#include "core/value/result.hpp"

namespace locum::detail {

/// The decoded values of one process, so that an object is decoded once: concurrent gets share one decoding,
/// later ones find its result while somebody uses it or it fits the budget (least recently used first out;
/// counted by stored size). A store may have a budget of its own. A value that contains proxies is not kept
/// when nobody uses it: they may have been resolved, and would pin their objects. Keys are never reused, so
/// an entry is never wrong; it is never returned after an eviction, because callers pin the object first. Any
/// thread may call.
class DecodedCache {
 public:
  using Moment = Deadline::Clock::time_point;

  /// A decoded value.
  struct Made {
    std::shared_ptr<const void> value;
    std::uint64_t name = 0;  ///< name_hash() of the object; 0 if unnamed
  };
  struct Value {
    std::shared_ptr<const void> value;
    bool found = false;  ///< another call had decoded it
  };
  using Decode = std::function<Result<Made>()>;

  /// `budget_bytes`: of all stores that have none of their own.
  explicit DecodedCache(std::uint64_t budget_bytes) { shared_.most_bytes = budget_bytes; }

  /// Gives a store a budget of its own, until forget() of the store: of stored bytes and of values. 0: not
  /// bounded by that. No effect if it has one.
  void give_own(std::uint32_t store, std::uint64_t most_bytes, std::uint64_t most_values);

  /// The value of `key` as the C++ type identified by `type`. Calls `decode`, without the cache's lock, if
  /// there is none; errors are not kept. Waits for another thread that is decoding it: `timeout`, also if
  /// this call is nested in a decoding whose deadline passes. `invalid_argument` if it is nested in the
  /// decoding of the same value.
  [[nodiscard]] Result<Value> get(const Key& key, const void* type, std::uint64_t stored_bytes,
                                  const Decode& decode, Moment until = Moment::max());
  /// Decodes without looking in the cache or keeping the value.
  [[nodiscard]] Result<Made> decode_alone(const Key& key, const void* type, const Decode& decode,
                                          Moment until = Moment::max());
  /// This thread has made a proxy: if it is decoding, the proxy may be part of the value.
  static void note_stand_in() noexcept;
  /// Drops what is kept of an object, by key, by name_hash(), or both; 0 or an invalid key: not by that one.
  void forget(const Key& key, std::uint64_t name) noexcept;
  /// Drops what is kept of all objects of a store, and its own budget.
  void forget(std::uint32_t store) noexcept;
  /// Drops all values; those in use live on with their users.
  void clear();
  /// Stored bytes of the kept values.
  [[nodiscard]] std::uint64_t kept_bytes() const noexcept;

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
  /// One value, or its decoding by one thread; others wait until that has ended.
  struct Slot {
    bool is_decoding = false;
    bool has_stand_ins = false;
    std::uint64_t name = 0;
    std::weak_ptr<const void> value;
  };
  struct Kept {
    Id id;
    std::shared_ptr<const void> value;
    std::uint64_t stored_bytes;
    std::uint64_t name;
  };
  using List = std::list<Kept>;
  /// Index by the hash of the key, or by that of the name. Objects with the same hash are at worst dropped
  /// together.
  using Index = std::unordered_multimap<std::uint64_t, List::iterator>;
  /// The values of one budget.
  struct Pool {
    std::uint64_t most_bytes = 0;
    std::uint64_t most_values = ~std::uint64_t{0};
    std::uint64_t bytes = 0;
    List kept{};  ///< most recently used first
  };
  class Decoding;
  class Claim;

  [[nodiscard]] Pool& pool_of(std::uint32_t store) LOCUM_REQUIRES(mutex_);
  void trim(Pool& pool, List& dropped) noexcept LOCUM_REQUIRES(mutex_);

  [[nodiscard]] static std::uint64_t hash_of(const Key& key) noexcept { return std::hash<Key>{}(key); }
  [[nodiscard]] Result<Value> await(const Id& id, std::uint64_t stored_bytes, Moment until)
      LOCUM_EXCLUDES(mutex_);
  [[nodiscard]] bool touch(const Id& id) LOCUM_REQUIRES(mutex_);
  void keep(const Kept& one, List& dropped) noexcept LOCUM_REQUIRES(mutex_);
  void drop(List::iterator one, List& dropped) noexcept LOCUM_REQUIRES(mutex_);
  void take_off_index(std::uint64_t hash, List::iterator one) noexcept LOCUM_REQUIRES(mutex_);
  template <class Goes>
  void drop_those(std::uint64_t hash, List& dropped, Goes goes) noexcept LOCUM_REQUIRES(mutex_);
  void sweep() LOCUM_REQUIRES(mutex_);

  mutable Mutex mutex_;
  std::condition_variable decoded_;  ///< a decoding has ended
  std::unordered_map<Id, Slot, IdHash> slots_ LOCUM_GUARDED_BY(mutex_);
  std::size_t sweep_at_ LOCUM_GUARDED_BY(mutex_) = 64;
  Pool shared_ LOCUM_GUARDED_BY(mutex_);
  std::unordered_map<std::uint32_t, Pool> own_ LOCUM_GUARDED_BY(mutex_);  ///< by store
  Index index_ LOCUM_GUARDED_BY(mutex_);
  std::atomic<std::uint64_t> kept_bytes_{0};  ///< written while mutex_ is held
};

}  // namespace locum::detail
