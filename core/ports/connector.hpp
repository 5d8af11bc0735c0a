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
#include <locum/detail/object/address.hpp>
#include <locum/detail/object/object.hpp>
#include <locum/detail/object/selection.hpp>
#include <locum/metrics.hpp>
#include <locum/ports/capability.hpp>
#include <locum/ports/now_or_task.hpp>
#include <locum/ports/seal_options.hpp>
#include <locum/ports/wait_budget.hpp>
#include <locum/result.hpp>

namespace locum {

class NameWatcher;
enum class Wanting : std::uint8_t;

/// Returns whether the result of a wait is still wanted. Called by the waiting thread without a lock: it may
/// look for other objects.
using Wanted = std::function<bool()>;
/// Interval at which a wait checks whether its result is wanted.
inline constexpr std::chrono::milliseconds look_interval{200};

/// Reads objects. Any thread may call; calls that wait have a deadline. A missing object is
/// `Errc::not_found`.
///
/// A call that may need other processes has one form: it returns its result at once if this process can give
/// it, otherwise a task (Coming), which the caller begins; if the calling thread waits (CountsUntil::never),
/// the result after completion.
class Source {
 public:
  virtual ~Source() = default;

  /// Returns the object, pinned. A damaged or foreign key is `not_found`; a replaced one is `stale` if the
  /// address carries the hash of its name. Equivalent to waiting for get_or_task(); separate because it is
  /// the most frequent call, and takes nanoseconds within a node.
  [[nodiscard]] virtual Result<ObjectView> get(const Address& address, WaitBudget budget) = 0;
  /// Gets a part of the object: only that part is transferred from another node. The facts are those of the
  /// whole object. For a range of bytes the view shows only these; for a hyperslab it shows the elements,
  /// packed (see selected()), with the extents of the hyperslab; for facts alone it may show no bytes.
  /// `invalid_argument` if the object does not have the selected part.
  ///
  /// A begun task fetches in the background, within the deadline. If the window of objects on their way, or
  /// arrived and still counted, is full, it queues, and the runtime's timeout runs from its start; if very
  /// many are queued, there is no task, but `out_of_memory`, or an empty view for CountsUntil::it_is_used.
  /// This default is for connectors that need no other process.
  [[nodiscard]] virtual NowOrTask<ObjectView> get_or_task(const Address& address, const Selection& selection,
                                                          CountsUntil /*counts*/, Deadline deadline) {
    return {selected(get(address, deadline), selection)};
  }
  [[nodiscard]] Result<ObjectView> get_some(const Address& address, const Selection& selection,
                                            Deadline deadline) {
    return get_or_task(address, selection, CountsUntil::never, deadline).found;
  }
  /// Like get_some(), but may receive the bytes from another node in `memory`, which the view then shows.
  /// After the return nothing writes there; so a call whose deadline passes during a transfer lasts until the
  /// transfer has ended, or its sender is given up as lost. `memory` is plain memory of this process that may
  /// be written.
  [[nodiscard]] virtual Result<ObjectView> get_into(const Address& address, const Selection& selection,
                                                    std::span<std::byte> /*memory*/, Deadline deadline) {
    return get_some(address, selection, deadline);
  }
  /// Returns whether the object exists.
  [[nodiscard]] virtual NowOrTask<bool> exists_or_task(const Address& address, CountsUntil counts,
                                                       WaitBudget budget) = 0;
  [[nodiscard]] Result<bool> exists(const Address& address, WaitBudget budget) {
    return exists_or_task(address, CountsUntil::never, budget).found;
  }
  /// Returns the names of a store that begin with `prefix`, in ascending byte order. Names live throughout
  /// the call appear once.
  [[nodiscard]] virtual NowOrTask<std::vector<std::string>> list_or_task(std::uint32_t store,
                                                                         std::string_view prefix,
                                                                         CountsUntil counts,
                                                                         Deadline deadline) = 0;
  [[nodiscard]] Result<std::vector<std::string>> list(std::uint32_t store, std::string_view prefix,
                                                      Deadline deadline) {
    return list_or_task(store, prefix, CountsUntil::never, deadline).found;
  }
  /// Blocks until there is an object under the name, and returns it; `timeout` at the deadline. Calls
  /// `wanted`, if not empty, about every `look_interval`: `timeout` also if it returns false.
  [[nodiscard]] virtual Result<ObjectView> wait(const Address& address, Deadline deadline,
                                                const Wanted& wanted = {}) = 0;
};

/// Creates objects. Any thread may call. Results now or by a task, as in Source.
class Sink {
 public:
  virtual ~Sink() = default;

  /// Allocates memory for an object of `size_bytes`, visible to no other process until sealed.
  [[nodiscard]] virtual Result<ObjectDraft> create(std::uint64_t size_bytes, const ObjectMeta& meta,
                                                   WaitBudget budget) = 0;
  /// Publishes a draft. On completion every rank finds the object. On an error the draft has been discarded.
  /// A begun task ends within the deadline, is carried out even if its result is not wanted, and does not
  /// fail for want of memory. A task owns the draft: it has to be begun.
  [[nodiscard]] virtual NowOrTask<Sealed> seal_or_task(const ObjectDraft& draft, const SealOptions& options,
                                                       CountsUntil counts, WaitBudget budget) = 0;
  [[nodiscard, gnu::hot]] Result<Sealed> seal(const ObjectDraft& draft, const SealOptions& options,
                                              WaitBudget budget) {
    return seal_or_task(draft, options, CountsUntil::never, budget).found;
  }
  /// Frees the memory of an unsealed draft.
  virtual void discard(const ObjectDraft& draft) noexcept = 0;
  /// Evicts an object. True: it existed; no get that starts later finds it. False: it did not exist. A begun
  /// task is carried out even if its result is not wanted.
  [[nodiscard]] virtual NowOrTask<bool> evict_or_task(const Address& address, CountsUntil counts,
                                                      WaitBudget budget) = 0;
  [[nodiscard]] Result<bool> evict(const Address& address, WaitBudget budget) {
    return evict_or_task(address, CountsUntil::never, budget).found;
  }
  /// Evicts the objects that this process made or adopted in a store, named or not; returns their number.
  /// Local, except that it waits for the home node of a name on another node to unbind it.
  [[nodiscard]] virtual Result<std::uint64_t> drop(std::uint32_t store) = 0;
};

/// Bytes by key: the interface behind every store. `cluster` (memory of one node), `distributed` (several
/// nodes) and `local` (one process) implement it. What only some connectors can do is a Capability.
class Connector : public Source, public Sink {
 public:
  [[nodiscard]] virtual MemoryUsage usage() const = 0;
  /// Returns the path of written bytes: `in_memory`, or that to this connector's storage.
  [[nodiscard]] virtual Path path_of_writes(Path in_memory) const noexcept { return in_memory; }

  /// Returns the ability of that type; null: the connector lacks it. The abilities that the library asks for:
  /// Batches (null: calls are made one after the other), MemoryMonitor (no call can wait for free memory),
  /// StoreAccounts (stores have no budgets), Expiring (objects have no lifetime), NameWaits (begun tasks
  /// complete by themselves, or get_or_task() returns `not_found` for a promise), NameHomes, NodeContents,
  /// StoreNumbers. It lives as long as the connector.
  template <class T>
  [[nodiscard]] T* capability() noexcept {
    return static_cast<T*>(find_capability(typeid(T)));
  }
  template <class T>
  [[nodiscard]] const T* capability() const noexcept {
    return const_cast<Connector*>(this)->capability<T>();
  }
  /// Overridden by connectors with abilities: see one_of(). One around another connector may pass this on.
  [[nodiscard]] virtual Capability* find_capability(const std::type_info& /*type*/) noexcept {
    return nullptr;
  }

  /// Get, seal and evict as in Batches, whether or not the connector has these.
  void find_batch(std::span<const Address> addresses, Wanting wanting, std::span<Result<ObjectView>> found,
                  Deadline deadline);
  void seal_batch(std::span<const ObjectDraft> drafts, std::span<Result<Sealed>> sealed, Deadline deadline);
  void evict_batch(std::span<const Address> addresses, std::span<Result<bool>> evicted, Deadline deadline);
  /// See NameWaits; without these nobody is notified, and there is no look.
  void watch(const Address& address, const std::shared_ptr<NameWatcher>& watcher);
  [[nodiscard]] std::shared_ptr<Look> look_later(const Address& address, CountsUntil counts,
                                                 Deadline deadline);
  /// Returns the keys of the live objects of a store that the ranks of this node own, as far as no rank makes
  /// or evicts one meanwhile. Empty where a connector has none to show (NodeContents).
  [[nodiscard]] std::vector<Key> keys_of_node(std::uint32_t store);
  /// Returns the name that a promise is bound under (see promised_by()), decided by its maker's node
  /// (NameHomes). The same on every rank. wait() for it ends with `not_found` if that promise no longer
  /// exists, and with `peer_lost` if its maker died before it was set.
  [[nodiscard]] std::string name_of(const Key& promised) const;
  /// Returns a name that begins with `stem` and whose home is the node of that rank (NameHomes); the same on
  /// every rank. For records that one rank reads often: it then needs no message.
  [[nodiscard]] std::string name_near(std::uint32_t rank, std::uint32_t store, std::string stem) const;
  /// Returns the number of the store whose name has this generation in the runtime's own store: unique to
  /// that name and generation, and the same on every rank (StoreNumbers). More than last_store: no number is
  /// left.
  [[nodiscard]] std::uint64_t store_number(std::string_view name, std::uint64_t generation) const;
};

}  // namespace locum
