#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <unordered_map>

#include <locum/base/mutex.hpp>
#include <locum/deadline.hpp>
#include <locum/key.hpp>
#include <locum/result.hpp>

namespace locum::detail {

/// The decoded values of one process, so that an object is decoded once: gets at the same time share one
/// decoding, later ones find its result as long as somebody uses it or it fits the budget (least recently
/// used goes first; counted by stored size). A value that has stand-ins inside is not kept when nobody uses
/// it: these may have been resolved, and would pin their objects. Keys never come back, so an entry is never
/// wrong; it is never served after an eviction, because callers pin the object before they ask. Any thread
/// may call.
class DecodedCache {
 public:
  using Moment = Deadline::Clock::time_point;

  /// What was made of an object's bytes.
  struct Made {
    std::shared_ptr<const void> value;
    std::uint64_t name = 0;  ///< name_hash() of the object; 0 if unnamed
  };
  struct Value {
    std::shared_ptr<const void> value;
    bool found = false;  ///< somebody else had decoded it
  };
  using Decode = std::function<Result<Made>()>;

  explicit DecodedCache(std::uint64_t budget_bytes) : budget_bytes_(budget_bytes) {}

  /// The value of `key` as the C++ type that `type` stands for. Calls `decode`, without the cache's lock,
  /// where there is none; an error is not kept. Waits for another thread that decodes it: `timeout`, also
  /// where the decoding that this one is called from has no more time. `invalid_argument` where that decodes
  /// the same.
  [[nodiscard]] Result<Value> get(const Key& key, const void* type, std::uint64_t stored_bytes,
                                  const Decode& decode, Moment until = Moment::max());
  /// The same of a value that is neither found nor kept.
  [[nodiscard]] Result<Made> decode_alone(const Key& key, const void* type, const Decode& decode,
                                          Moment until = Moment::max());
  /// This thread has made a stand-in: if it is decoding, one that may be part of the value.
  static void note_stand_in() noexcept;
  /// Lets go of what was kept of an object, by key, by name_hash(), or both; 0: not by that.
  void forget(const Key& key, std::uint64_t name) noexcept;
  /// The same of all objects of a store.
  void forget(std::uint32_t store) noexcept;
  /// Lets go of all values; those in use live on with their users.
  void clear();
  /// Stored bytes of the values that are kept.
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
  /// One value, or the decoding of it by one thread; others wait until it has ended.
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
  /// Where something is kept, by the hash of its key, and by that of its name. Two of one hash share their
  /// end, at worst.
  using Index = std::unordered_multimap<std::uint64_t, List::iterator>;
  class Decoding;
  class Claim;

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

  const std::uint64_t budget_bytes_;
  mutable Mutex mutex_;
  std::condition_variable decoded_;  ///< a decoding has ended
  std::unordered_map<Id, Slot, IdHash> slots_ LOCUM_GUARDED_BY(mutex_);
  std::size_t sweep_at_ LOCUM_GUARDED_BY(mutex_) = 64;
  List kept_ LOCUM_GUARDED_BY(mutex_);  // most recently used first
  Index index_ LOCUM_GUARDED_BY(mutex_);
  std::atomic<std::uint64_t> kept_bytes_{0};  ///< written while mutex_ is held
};

}  // namespace locum::detail
