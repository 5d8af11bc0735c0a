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
#include <locum/ports/now_or_task.hpp>
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
  /// As soon as this returns, the caller tells those of this process who wait for the name: the process's
  /// NameWatcher need not wake anybody for that.
  bool caller_tells = false;
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
///
/// What may need other processes has one form: it answers at once if this process can, and else with a task
/// (Coming), which the caller begins; or, where the calling thread waits (CountsUntil::never), when it has
/// ended.
class Source {
 public:
  virtual ~Source() = default;

  /// The object, pinned. A damaged or foreign key is `not_found`; a replaced one is `stale` where the address
  /// carries the hash of its name. The same as get_or_task() that is waited for; by itself because it is what
  /// programs do most often, and takes nanoseconds on a node.
  [[nodiscard]] virtual Result<ObjectView> get(const Address& address, WaitBudget budget) = 0;
  /// get(), of some of it: where that comes from another node, nothing else travels. Its facts are those of
  /// the whole object. Of a range of bytes the view shows no others, and extents may be missing; of a
  /// hyperslab it shows the elements, packed (see hyperslab_of()), and its extents are those; for the facts
  /// alone it need not show any bytes. `invalid_argument` if the object does not have what is asked for, or
  /// for nothing.
  ///
  /// What is begun comes by itself, or has not at the deadline. Where much is on its way, or has come and
  /// counts, it waits for its turn, and the runtime's timeout counts from then; where very many wait, there
  /// is no task, but `out_of_memory`, or an empty view of what counts until it is used. This one is for
  /// connectors that need no other process.
  [[nodiscard]] virtual NowOrTask<ObjectView> get_or_task(const Address& address, const Selection& selection,
                                                          CountsUntil /*counts*/, Deadline deadline) {
    return {selected(get(address, deadline), selection)};
  }
  [[nodiscard]] Result<ObjectView> get_some(const Address& address, const Selection& selection,
                                            Deadline deadline) {
    return get_or_task(address, selection, CountsUntil::never, deadline).found;
  }
  /// Whether it is there.
  [[nodiscard]] virtual NowOrTask<bool> exists_or_task(const Address& address, CountsUntil counts,
                                                       WaitBudget budget) = 0;
  [[nodiscard]] Result<bool> exists(const Address& address, WaitBudget budget) {
    return exists_or_task(address, CountsUntil::never, budget).found;
  }
  /// Names of a store that begin with `prefix`, in ascending byte order. Names live throughout the call
  /// appear once.
  [[nodiscard]] virtual NowOrTask<std::vector<std::string>> list_or_task(std::uint32_t store,
                                                                         std::string_view prefix,
                                                                         CountsUntil counts,
                                                                         Deadline deadline) = 0;
  [[nodiscard]] Result<std::vector<std::string>> list(std::uint32_t store, std::string_view prefix,
                                                      Deadline deadline) {
    return list_or_task(store, prefix, CountsUntil::never, deadline).found;
  }
  /// The object under a name, as soon as somebody puts it; `timeout` at the deadline. Sleeps meanwhile, and
  /// asks now and then (about every `look_interval`) whether that is still `wanted`, if it is not empty:
  /// `timeout` too if it is not.
  [[nodiscard]] virtual Result<ObjectView> wait(const Address& address, Deadline deadline,
                                                const Wanted& wanted = {}) = 0;
  /// Tells the watcher once that name may have been bound, as Directory::watch() does; of a promise that it
  /// may be over. Where what is begun goes on by itself it need not.
  virtual void watch(const Address& /*address*/, const std::shared_ptr<NameWatcher>& /*watcher*/) {}
};

/// Where objects are made. Any thread may call. Now, or as a task, as of Source.
class Sink {
 public:
  virtual ~Sink() = default;

  /// Memory for an object of `size_bytes`, visible to nobody until sealed.
  [[nodiscard]] virtual Result<ObjectDraft> create(std::uint64_t size_bytes, const ObjectMeta& meta,
                                                   WaitBudget budget) = 0;
  /// Publishes a draft. When it has ended, every rank finds the object. On an error the draft has been
  /// discarded. What is begun ends within the deadline, and is done whether or not anybody wants to know; it
  /// does not fail for want of memory. A task has the draft: it has to be begun.
  [[nodiscard]] virtual NowOrTask<Sealed> seal_or_task(const ObjectDraft& draft, const SealOptions& options,
                                                       CountsUntil counts, WaitBudget budget) = 0;
  [[nodiscard]] Result<Sealed> seal(const ObjectDraft& draft, const SealOptions& options, WaitBudget budget) {
    return seal_or_task(draft, options, CountsUntil::never, budget).found;
  }
  /// Gives the memory of an unsealed draft back.
  virtual void discard(const ObjectDraft& draft) noexcept = 0;
  /// True: the object was there; no get that starts later finds it. False: nothing was there. What is begun
  /// is done whether or not anybody wants to know.
  [[nodiscard]] virtual NowOrTask<bool> evict_or_task(const Address& address, CountsUntil counts,
                                                      WaitBudget budget) = 0;
  [[nodiscard]] Result<bool> evict(const Address& address, WaitBudget budget) {
    return evict_or_task(address, CountsUntil::never, budget).found;
  }
  /// Evicts what this process made or adopted in a store, named or not; returns how many objects. Local,
  /// but that a name at home on another node is taken away there, which is waited for.
  [[nodiscard]] virtual Result<std::uint64_t> drop(std::uint32_t store) = 0;
};

/// Bytes by key: the one interface behind every store. `cluster` (the memory of one node), `distributed` (of
/// several) and `local` (one process) implement it.
class Connector : public Source, public Sink {
 public:
  /// What makes many calls of one; null: nothing here does, and they are made one after the other.
  [[nodiscard]] virtual Batches* batches() noexcept { return nullptr; }
  /// As of Batches, whether or not there are any.
  void find_batch(std::span<const Address> addresses, Wanting wanting, std::span<Result<ObjectView>> found,
                  Deadline deadline);
  void seal_batch(std::span<const ObjectDraft> drafts, std::span<Result<Sealed>> sealed, Deadline deadline);
  void evict_batch(std::span<const Address> addresses, std::span<Result<bool>> evicted, Deadline deadline);
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
