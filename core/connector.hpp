#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "deadline.hpp"
#include "fetch.hpp"
#include "hyperslab.hpp"
#include "object.hpp"
#include "part.hpp"
#include "result.hpp"

namespace locum {

/// Names an object in one of two ways: by key, or by store and name (when `name` is not empty).
struct Address {
  Key key;                ///< key.store always holds; the rest only if `name` is empty
  std::string_view name;  ///< 1 byte to 64 KiB of any bytes
  /// By key: of the name that the object was put under, where the caller knows it from a handle; else 0. A
  /// key that is gone while its name is live was replaced (`stale`), not evicted (`not_found`).
  std::uint64_t name_hash = 0;

  /// By key: payload of the object in bytes, where the caller knows it from a handle; else 0.
  std::uint64_t size_bytes = 0;

  Address(const Key& object, std::uint64_t hash_of_name = 0, std::uint64_t size = 0)
      : key(object), name_hash(hash_of_name), size_bytes(size) {}
  Address(std::uint32_t store, std::string_view object_name) : key{store, 0, 0}, name(object_name) {}
};

/// The longest name, in bytes.
inline constexpr std::size_t max_name_bytes = 64 * 1024;

/// Whether sealing under a live name is an error or makes a new generation.
enum class SealMode : std::uint8_t { put, replace };

/// How a named object becomes visible; of no meaning for an unnamed one.
struct SealOptions {
  SealMode mode = SealMode::put;
  /// replace: only if this generation is the live one (`stale` if another is, `not_found` if none). 0: any or
  /// none.
  std::uint64_t expected_generation = 0;
};

/// Key and generation under which an object became visible.
struct Sealed {
  Key key;
  std::uint64_t generation = 0;  ///< 0 if unnamed
};

/// Memory behind a connector, in bytes.
struct MemoryUsage {
  std::uint64_t limit = 0;          ///< the most that may be committed
  std::uint64_t committed = 0;      ///< taken from the system, by all processes of the node, tables included
  std::uint64_t own_committed = 0;  ///< of these, by this process
  std::uint64_t own_used = 0;       ///< in live, pinned and unsealed objects of this process
  std::uint64_t own_pinned = 0;     ///< of these, evicted but still viewed by somebody
  std::uint64_t own_objects = 0;  ///< sealed objects of this process, those it adopted included, not evicted
  std::uint64_t own_copies = 0;   ///< of own_objects: copies of objects of other nodes
  std::uint64_t own_copy_bytes = 0;  ///< of their blocks
};

/// Whether who waits still has a use for what he waits for. Must not wait itself.
using Wanted = std::function<bool()>;
/// How long somebody waits who is not wanted any more.
inline constexpr std::chrono::milliseconds look_interval{200};

/// Where objects are read from. Any thread may call; what waits has a deadline. "Not there" is
/// `Errc::not_found`.
class Source {
 public:
  virtual ~Source() = default;

  /// The object, pinned. A damaged or foreign key is `not_found`; a replaced one is `stale` where the address
  /// carries the hash of its name.
  [[nodiscard]] virtual Result<ObjectView> get(const Address& address, Deadline deadline) = 0;
  /// get(), without waiting: what another node has comes by itself, or has not after the runtime's timeout.
  /// Where much is on its way, or has come and counts, it waits for its turn, and its time counts from then;
  /// where very many wait, nothing is begun.
  [[nodiscard]] virtual Begun begin(const Address& address, CountsUntil /*until*/) {
    return {get(address, {})};
  }
  /// get(), of some of its bytes: the view shows no others, and where they come from another node, no others
  /// travel. Its facts are those of the whole object, but that extents may be missing. `invalid_argument` if
  /// the object does not have them, or for none.
  [[nodiscard]] virtual Result<ObjectView> get_part(const Address& address, const ByteRange& range,
                                                    Deadline deadline);
  /// get(), of a hyperslab of an array whose elements have so many bytes, packed (see hyperslab_of()): only
  /// these bytes travel. Its facts are those of the whole object, but that the extents are the hyperslab's.
  [[nodiscard]] virtual Result<ObjectView> get_hyperslab(const Address& address, const Hyperslab& slab,
                                                         std::uint64_t element_bytes, Deadline deadline);
  /// get(), for what the object says of itself: the view need not show any of its bytes, and where it comes
  /// from another node, none travel.
  [[nodiscard]] virtual Result<ObjectView> describe(const Address& address, Deadline deadline) {
    return get(address, deadline);
  }
  [[nodiscard]] virtual Result<bool> exists(const Address& address, Deadline deadline) = 0;
  /// Names of a store that begin with `prefix`, in ascending byte order. Names live throughout the call
  /// appear once.
  [[nodiscard]] virtual Result<std::vector<std::string>> list(std::uint32_t store, std::string_view prefix,
                                                              Deadline deadline) = 0;
  /// The object under a name, as soon as somebody puts it; `timeout` at the deadline. Sleeps meanwhile, and
  /// asks now and then (about every `look_interval`) whether that is still `wanted`, if it is not empty:
  /// `timeout` too if it is not.
  [[nodiscard]] virtual Result<ObjectView> wait(const Address& address, Deadline deadline,
                                                const Wanted& wanted) = 0;
  [[nodiscard]] Result<ObjectView> wait(const Address& address, Deadline deadline) {
    return wait(address, deadline, {});
  }
};

/// Where objects are made. Any thread may call.
class Sink {
 public:
  virtual ~Sink() = default;

  /// Memory for an object of `size_bytes`, visible to nobody until sealed.
  [[nodiscard]] virtual Result<ObjectDraft> create(std::uint64_t size_bytes, const ObjectMeta& meta,
                                                   Deadline deadline) = 0;
  /// Publishes a draft. When it returns, every rank finds the object. On an error the draft has been
  /// discarded.
  [[nodiscard]] virtual Result<Sealed> seal(const ObjectDraft& draft, const SealOptions& options,
                                            Deadline deadline) = 0;
  /// Gives the memory of an unsealed draft back.
  virtual void discard(const ObjectDraft& draft) noexcept = 0;
  /// True: the object was there; no get that starts later finds it. False: nothing was there.
  [[nodiscard]] virtual Result<bool> evict(const Address& address, Deadline deadline) = 0;
  /// Evicts what this process made or adopted in a store, named or not; returns how many objects. Local,
  /// but that a name at home on another node is taken away there, which is waited for.
  [[nodiscard]] virtual Result<std::uint64_t> drop(std::uint32_t store) = 0;
};

/// Bytes by key: the one interface behind every store. `cluster` (the memory of one node), `distributed` (of
/// several) and `local` (one process) implement it.
class Connector : public Source, public Sink {
 public:
  [[nodiscard]] virtual MemoryUsage usage() const = 0;
  /// This process was forked from the one that uses it: what ends here takes no lock from now on.
  virtual void disown() noexcept {}
};

}  // namespace locum
