#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <locum/deadline.hpp>
#include <locum/object/address.hpp>
#include <locum/object/object.hpp>
#include <locum/object/selection.hpp>
#include <locum/ports/batches.hpp>
#include <locum/ports/fetch.hpp>
#include <locum/result.hpp>
#include <locum/wait_budget.hpp>

namespace locum {

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

class NameWatcher;

/// Where objects are read from. Any thread may call; what waits has a deadline. "Not there" is
/// `Errc::not_found`.
class Source {
 public:
  virtual ~Source() = default;

  /// The object, pinned. A damaged or foreign key is `not_found`; a replaced one is `stale` where the address
  /// carries the hash of its name.
  [[nodiscard]] virtual Result<ObjectView> get(const Address& address, WaitBudget budget) = 0;
  /// get(), of some of it: where that comes from another node, nothing else travels. Its facts are those of
  /// the whole object. Of a range of bytes the view shows no others, and extents may be missing; of a
  /// hyperslab it shows the elements, packed (see hyperslab_of()), and its extents are those; for the facts
  /// alone it need not show any bytes. `invalid_argument` if the object does not have what is asked for, or
  /// for nothing.
  [[nodiscard]] virtual Result<ObjectView> get_some(const Address& address, const Selection& selection,
                                                    Deadline deadline) {
    return selected(get(address, deadline), selection);
  }
  /// get_some(), without waiting: what another node has comes by itself, or has not at the deadline.
  /// Where much is on its way, or has come and counts, it waits for its turn, and the runtime's timeout
  /// counts from then; where very many wait, nothing is begun (what counts until it comes: `out_of_memory`).
  [[nodiscard]] virtual Begun begin(const Address& address, const Selection& selection, CountsUntil /*until*/,
                                    Deadline deadline) {
    return {get_some(address, selection, deadline)};
  }
  [[nodiscard]] Begun begin(const Address& address, CountsUntil until) {
    return begin(address, {}, until, {});
  }
  [[nodiscard]] virtual Result<bool> exists(const Address& address, WaitBudget budget) = 0;
  /// exists(), without waiting, as begin() does not.
  [[nodiscard]] virtual BegunWith<bool> begin_exists(const Address& address, Deadline deadline) {
    return {exists(address, deadline)};
  }
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
  /// Tells the watcher once that name may have been bound, as Directory::watch() does; of a promise that it
  /// may be over. Where begin() goes on by itself it need not.
  virtual void watch(const Address& /*address*/, const std::shared_ptr<NameWatcher>& /*watcher*/) {}
};

/// Where objects are made. Any thread may call.
class Sink {
 public:
  virtual ~Sink() = default;

  /// Memory for an object of `size_bytes`, visible to nobody until sealed.
  [[nodiscard]] virtual Result<ObjectDraft> create(std::uint64_t size_bytes, const ObjectMeta& meta,
                                                   WaitBudget budget) = 0;
  /// Publishes a draft. When it returns, every rank finds the object. On an error the draft has been
  /// discarded.
  [[nodiscard]] virtual Result<Sealed> seal(const ObjectDraft& draft, const SealOptions& options,
                                            WaitBudget budget) = 0;
  /// seal(), without waiting for another node that has to be told. What is begun ends within the deadline,
  /// and is done whether or not anybody wants to know. Where much is on its way, it waits for its turn, as
  /// with Source::begin(). Does not fail for want of memory.
  [[nodiscard]] virtual BegunWith<Sealed> begin_seal(const ObjectDraft& draft, const SealOptions& options,
                                                     Deadline deadline) {
    return {seal(draft, options, deadline)};
  }
  /// Gives the memory of an unsealed draft back.
  virtual void discard(const ObjectDraft& draft) noexcept = 0;
  /// True: the object was there; no get that starts later finds it. False: nothing was there.
  [[nodiscard]] virtual Result<bool> evict(const Address& address, WaitBudget budget) = 0;
  /// evict(), without waiting, as begin_seal() does not.
  [[nodiscard]] virtual BegunWith<bool> begin_evict(const Address& address, Deadline deadline) {
    return {evict(address, deadline)};
  }
  /// Evicts what this process made or adopted in a store, named or not; returns how many objects. Local,
  /// but that a name at home on another node is taken away there, which is waited for.
  [[nodiscard]] virtual Result<std::uint64_t> drop(std::uint32_t store) = 0;
};

/// Bytes by key: the one interface behind every store. `cluster` (the memory of one node), `distributed` (of
/// several) and `local` (one process) implement it.
class Connector : public Source, public Sink, public Batches {
 public:
  /// One after the other.
  void find_batch(std::span<const Address> addresses, Wanting wanting, std::span<Result<ObjectView>> found,
                  Deadline deadline) override;
  void seal_batch(std::span<const ObjectDraft> drafts, std::span<Result<Sealed>> sealed,
                  Deadline deadline) override;
  void evict_batch(std::span<const Address> addresses, std::span<Result<bool>> evicted,
                   Deadline deadline) override;
  [[nodiscard]] virtual MemoryUsage usage() const = 0;
  /// The name under which a promise stands (see promised_by()): one that its maker's node decides about. The
  /// same on every rank. wait() for it ends with `not_found` where there is no such promise any more, and
  /// with `peer_lost` where its maker died before it was set.
  [[nodiscard]] virtual std::string name_of(const Key& promised) const;
  /// The number of the store whose name has this generation in the runtime's own store: never that of another
  /// name or generation, and the same on every rank. More than last_store: there is none.
  [[nodiscard]] virtual std::uint64_t store_number(std::string_view /*name*/,
                                                   std::uint64_t generation) const {
    return generation;
  }
  /// This process was forked from the one that uses it: what ends here takes no lock from now on.
  virtual void disown() noexcept {}
};

}  // namespace locum
