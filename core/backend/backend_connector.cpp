#include "core/backend/backend_connector.hpp"

#include <algorithm>
#include <functional>
#include <optional>
#include <string>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "core/backend/backend_identity.hpp"
#include "core/backend/backend_reader.hpp"
#include "core/backend/backend_writer.hpp"
#include "core/backend/bound_signal.hpp"
#include "core/backend/call_pool.hpp"
#include "core/backend/pooled_call.hpp"
#include "core/backend/read_ahead.hpp"
#include "core/backend/record_names.hpp"
#include "core/backend/store_spaces.hpp"
#include "core/base/blocking_wait.hpp"
#include "core/base/mutex.hpp"
#include "core/base/unless_out_of_memory.hpp"
#include "core/node/promised.hpp"
#include "core/object/internal_stores.hpp"
#include "core/ports/batches.hpp"
#include "core/ports/expiring.hpp"
#include "core/ports/name_waits.hpp"
#include "core/ports/store_numbers.hpp"
#include "core/ports/wait_in_turns.hpp"

namespace locum {

namespace {

using Clock = Deadline::Clock;

constexpr std::chrono::milliseconds shortest_pause{1};
constexpr std::chrono::milliseconds longest_pause{50};
/// Of an object of unknown size so much is asked for first, where a backend loads ends.
constexpr std::uint64_t first_look_bytes = std::uint64_t{64} << 10U;
/// The time of a look in a wait that has none, or has no thread.
constexpr std::chrono::seconds one_look{1};
/// Intervals between two sweeps of a store.
constexpr std::chrono::milliseconds shortest_sweep{1000};
constexpr std::chrono::milliseconds longest_sweep{60'000};

class BackendConnector final : public Connector,
                               public Batches,
                               public Expiring,
                               public NameWaits,
                               public StoreNumbers,
                               public std::enable_shared_from_this<BackendConnector> {
 public:
  BackendConnector(std::shared_ptr<Backend> backend, BackendConnectorOptions options)
      : backend_(std::move(backend)),
        traits_(backend_->traits()),
        options_(std::move(options)),
        names_(traits_),
        spaces_(backend_, names_),
        reader_(backend_, names_, spaces_),
        writer_(backend_, names_, spaces_, reader_, bound_),
        pool_(std::make_shared<CallPool>(options_.most_threads)),
        look_bytes_(traits_.loads_ends ? first_look_bytes : traits_.largest_record),
        until_used_(std::make_shared<ReadAhead>(options_.prefetch_bytes, options_.most_threads, look_bytes_)),
        until_got_(std::make_shared<ReadAhead>(options_.prefetch_bytes, options_.most_threads, look_bytes_)),
        until_seen_(
            std::make_shared<ReadAhead>(options_.prefetch_bytes, options_.most_threads / 2, look_bytes_)) {}

  Result<ObjectView> get(const Address& address, WaitBudget budget) override {
    return timed(&Metrics::time_read,
                 [&] { return reader_.find(address, whole_record, until(budget), Absent::has_default); });
  }
  NowOrTask<ObjectView> get_or_task(const Address& address, const Selection& selection, CountsUntil counts,
                                    Deadline deadline) override;
  NowOrTask<bool> exists_or_task(const Address& address, CountsUntil counts, WaitBudget budget) override {
    return now_or_task<bool>(
        address, counts, budget.deadline(),
        [](BackendConnector& self, const Address& at, Deadline moment) -> Result<bool> {
          const auto found = self.reader_.find(at, 0, moment);
          if (!found && found.error().code() != Errc::not_found && found.error().code() != Errc::stale) {
            return found.error();
          }
          return found.has_value();
        });
  }
  NowOrTask<std::vector<std::string>> list_or_task(std::uint32_t store, std::string_view prefix,
                                                   CountsUntil counts, Deadline deadline) override {
    return now_or_task<std::vector<std::string>>(
        Address(store, prefix), counts, deadline,
        [](BackendConnector& self, const Address& at, Deadline moment) {
          return self.reader_.names_in(at.key.store, at.name, moment);
        });
  }
  Result<ObjectView> wait(const Address& address, Deadline deadline, const Wanted& wanted) override;
  std::shared_ptr<Look> look_later(const Address& address, CountsUntil counts, Deadline deadline) override;
  void watch(const Address& /*address*/, const std::shared_ptr<NameWatcher>& watcher) override {
    bound_.watch(watcher);
  }

  Result<ObjectDraft> create(std::uint64_t size_bytes, const ObjectMeta& meta,
                             WaitBudget /*budget*/) override {
    return writer_.create(size_bytes, meta);
  }
  NowOrTask<Sealed> seal_or_task(const ObjectDraft& draft, const SealOptions& options, CountsUntil counts,
                                 WaitBudget budget) override {
    const Deadline moment = until(budget);
    if (counts == CountsUntil::never) {
      return {seal_timed(draft.place, options, moment)};
    }
    return task<Sealed>([self = shared_from_this(), place = draft.place, options, moment] {
      return self->seal_timed(place, options, moment);
    });
  }
  void discard(const ObjectDraft& draft) noexcept override { writer_.discard(draft.place); }
  NowOrTask<bool> evict_or_task(const Address& address, CountsUntil counts, WaitBudget budget) override {
    return now_or_task<bool>(address, counts, budget.deadline(),
                             [](BackendConnector& self, const Address& at, Deadline moment) {
                               return self.writer_.evict(at, moment);
                             });
  }
  Result<std::uint64_t> drop(std::uint32_t store) override {
    const Deadline moment = until({});
    const auto space = spaces_.space_of(store, moment);
    if (!space) {
      return space.error().code() == Errc::not_found ? Result<std::uint64_t>(0) : space.error();
    }
    return backend_->drop(*space, moment);
  }

  MemoryUsage usage() const override {
    MemoryUsage usage;
    usage.own_used = writer_.draft_bytes();
    usage.own_committed = usage.committed = usage.own_used;
    return usage;
  }
  std::uint64_t store_number(std::string_view name, std::uint64_t generation) const override {
    return spaces_.number_of(name, generation);
  }

  Path path_of_writes(Path /*in_memory*/) const noexcept override { return Path::storage; }
  std::chrono::milliseconds expect(std::uint32_t store, std::chrono::milliseconds lifetime) override;
  void forget(std::uint32_t store) override;
  void sweep() noexcept override;

  void find_batch(std::span<const Address> addresses, Wanting wanting, std::span<Result<ObjectView>> found,
                  Deadline deadline) override {
    const auto began = Clock::now();
    reader_.find_batch(addresses, wanting, found, until(deadline), *pool_);
    if (wanting != Wanting::facts) {
      note_each(&Metrics::time_read, std::span<const Result<ObjectView>>(found), began);
    }
  }
  void seal_batch(std::span<const ObjectDraft> drafts, std::span<Result<Sealed>> sealed,
                  Deadline deadline) override {
    const auto began = Clock::now();
    writer_.seal_batch(drafts, sealed, until(deadline), *pool_);
    note_each(&Metrics::time_write, std::span<const Result<Sealed>>(sealed), began);
  }
  void evict_batch(std::span<const Address> addresses, std::span<Result<bool>> evicted,
                   Deadline deadline) override {
    writer_.evict_batch(addresses, evicted, until(deadline), *pool_);
  }

  Capability* find_capability(const std::type_info& type) noexcept override {
    return one_of<Batches, Expiring, NameWaits, StoreNumbers>(type, this, this, this, this);
  }

 private:
  using Note = void (Metrics::*)(Path path, std::chrono::nanoseconds time) noexcept;

  static const Key& key_of(const ObjectView& found) noexcept { return found.key(); }
  static const Key& key_of(const Sealed& sealed) noexcept { return sealed.key; }

  /// Makes a call, and notes how long it took unless it failed, or was the library's own look at which stores
  /// there are.
  template <class Call>
  [[nodiscard]] std::invoke_result_t<const Call&> timed(Note note, const Call& call) const {
    const auto began = Clock::now();
    auto result = call();
    note_each(note, std::span(&std::as_const(result), 1), began);
    return result;
  }
  template <class T>
  void note_each(Note note, std::span<const Result<T>> results, Clock::time_point began) const {
    const auto took = Clock::now() - began;
    for (const Result<T>& one : results) {
      if (one && options_.metrics && key_of(*one).store != registry) {
        (*options_.metrics.*note)(Path::storage, took);
      }
    }
  }
  [[nodiscard]] Result<Sealed> seal_timed(std::uint64_t place, const SealOptions& options, Deadline moment) {
    return timed(&Metrics::time_write, [&] { return writer_.seal(place, options, moment); });
  }
  [[nodiscard]] Deadline until(WaitBudget budget) const { return budget.deadline().moment(options_.timeout); }

  /// See PooledCall::Look.
  [[nodiscard]] std::variant<std::uint64_t, Result<ObjectView>> look_at(const Address& address,
                                                                        const Selection& selection,
                                                                        Absent absent, Deadline deadline) {
    const auto began = Clock::now();
    auto found = reader_.find(address, look_bytes_, deadline, absent);
    if (found) {
      if (const std::uint64_t size = found->facts().size_bytes; found->bytes().size() < size) {
        return size;
      }
    }
    note_each(&Metrics::time_read, std::span(&std::as_const(found), 1), began);
    return selected(std::move(found), selection);
  }

  template <class T>
  [[nodiscard]] NowOrTask<T> task(std::function<Result<T>()> call) {
    return {T(), std::make_shared<PooledCall<T>>(pool_, std::move(call), nullptr, 0, options_.timeout)};
  }
  /// A call that is made by another thread. Without a deadline of its own its time runs from its start: it
  /// may have to queue.
  template <class Call>
  [[nodiscard]] auto later(const Address& address, Deadline deadline, Call call) {
    return [self = shared_from_this(), call, deadline, key = address.key, hash = address.name_hash,
            size = address.size_bytes, name = std::string(address.name)] {
      Address at(key, hash, size);
      at.name = name;
      return call(*self, at, self->until(deadline));
    };
  }
  template <class T, class Call>
  [[nodiscard]] NowOrTask<T> now_or_task(const Address& address, CountsUntil counts, Deadline deadline,
                                         Call call) {
    return counts == CountsUntil::never ? NowOrTask<T>{call(*this, address, until(deadline))}
                                        : task<T>(later(address, deadline, call));
  }

  /// One look of a wait for that name; none: somebody may put it yet.
  [[nodiscard]] std::optional<Result<ObjectView>> awaited(const Address& address, std::uint64_t last_bytes,
                                                          Deadline deadline);
  [[nodiscard]] Result<bool> is_unset(const Key& promised, Deadline deadline);
  /// As get_or_task(), of what is there and no default.
  [[nodiscard]] std::shared_ptr<Fetch> fetch_of(const Address& address, std::uint64_t size_bytes,
                                                CountsUntil counts, Deadline deadline);

  /// A store that is swept.
  struct Swept {
    std::chrono::milliseconds interval{0};
    Clock::time_point next;
  };

  const std::shared_ptr<Backend> backend_;
  const BackendTraits traits_;
  const BackendConnectorOptions options_;
  const RecordNames names_;
  StoreSpaces spaces_;
  BoundSignal bound_;
  BackendReader reader_;
  BackendWriter writer_;
  const std::shared_ptr<CallPool> pool_;
  const std::uint64_t look_bytes_;  ///< the most that a look at an object brings
  const std::shared_ptr<ReadAhead> until_used_;
  const std::shared_ptr<ReadAhead> until_got_;
  /// Looks of waits, which leave threads for other calls: of many waits some are under way at any time.
  const std::shared_ptr<ReadAhead> until_seen_;
  Mutex mutex_;
  std::unordered_map<std::uint32_t, Swept> swept_ LOCUM_GUARDED_BY(mutex_);
};

NowOrTask<ObjectView> BackendConnector::get_or_task(const Address& address, const Selection& selection,
                                                    CountsUntil counts, Deadline deadline) {
  if (waits_for_promise(counts)) {
    return {no_such_object()};  // its caller looks for it: see look_later()
  }
  const bool has_bytes = !std::holds_alternative<Facts>(selection);
  const Absent absent = has_bytes ? Absent::has_default : Absent::not_found;
  const auto call = [selection, has_bytes, absent](BackendConnector& self, const Address& at,
                                                   Deadline moment) {
    const auto find = [&] { return self.reader_.find(at, has_bytes ? whole_record : 0, moment, absent); };
    return selected(has_bytes ? self.timed(&Metrics::time_read, find) : find(), selection);
  };
  if (counts == CountsUntil::never) {
    return {call(*this, address, until(deadline))};
  }
  PooledCall<ObjectView>::Look look;
  if (has_bytes && address.size_bytes == 0) {
    look = later(address, deadline,
                 [selection, absent](BackendConnector& self, const Address& at, Deadline moment) {
                   return self.look_at(at, selection, absent, moment);
                 });
  }
  return {ObjectView(),
          std::make_shared<PooledCall<ObjectView>>(pool_, later(address, deadline, call),
                                                   counts_for_use(counts) ? until_used_ : until_got_,
                                                   address.size_bytes, options_.timeout, std::move(look))};
}

std::shared_ptr<Fetch> BackendConnector::fetch_of(const Address& address, std::uint64_t size_bytes,
                                                  CountsUntil counts, Deadline deadline) {
  return std::make_shared<PooledCall<ObjectView>>(
      pool_,
      later(address, deadline,
            [](BackendConnector& self, const Address& at, Deadline moment) {
              return self.timed(&Metrics::time_read,
                                [&] { return self.reader_.find(at, whole_record, moment); });
            }),
      counts_for_use(counts) ? until_used_ : until_got_, size_bytes, options_.timeout);
}

// Looks for the facts alone: of what is there, room is left in what is fetched ahead before it comes.
std::shared_ptr<Look> BackendConnector::look_later(const Address& address, CountsUntil counts,
                                                   Deadline deadline) {
  auto call = later(address, {},
                    [counts, deadline](BackendConnector& self, const Address& at,
                                       Deadline /*moment*/) -> Result<std::shared_ptr<Fetch>> {
                      const auto found = self.awaited(at, 0, Clock::now() + one_look);
                      if (!found) {
                        return std::shared_ptr<Fetch>();
                      }
                      if (!*found) {
                        return found->error();
                      }
                      auto fetch = self.fetch_of(at, (*found)->facts().size_bytes, counts, deadline);
                      fetch->begin();
                      return fetch;
                    });
  return std::make_shared<PooledCall<std::shared_ptr<Fetch>>>(pool_, std::move(call), until_seen_, 0,
                                                              options_.timeout);
}

// Each record is asked for, which may take long.
std::chrono::milliseconds BackendConnector::expect(std::uint32_t store, std::chrono::milliseconds lifetime) {
  writer_.expect_expiry(store);
  const auto interval = std::clamp(lifetime / 4, shortest_sweep, longest_sweep);
  if (traits_.lists && !traits_.expires) {
    const MutexLock lock(mutex_);
    const auto now = Clock::now();
    auto& swept = swept_.try_emplace(store, Swept{interval, now + interval}).first->second;
    swept.interval = std::min(swept.interval, interval);
    swept.next = std::min(swept.next, now + interval);
  }
  return interval;
}

void BackendConnector::forget(std::uint32_t store) {
  const MutexLock lock(mutex_);
  swept_.erase(store);
}

void BackendConnector::sweep() noexcept {
  (void)unless_out_of_memory([&] {
    std::vector<std::pair<std::uint32_t, std::chrono::milliseconds>> due;
    {
      const MutexLock lock(mutex_);
      const auto now = Clock::now();
      for (auto& [store, swept] : swept_) {
        if (swept.next <= now) {
          due.emplace_back(store, swept.interval);
          swept.next = now + swept.interval;
        }
      }
    }
    for (const auto& [store, interval] : due) {
      reader_.look_at_all(store, Clock::now() + interval);
    }
  });
}

// An error says nothing of the promise: it is no reason to take it for broken.
Result<bool> BackendConnector::is_unset(const Key& promised, Deadline deadline) {
  const auto found = reader_.find(Address(placeholder_of(promised)), whole_record, deadline);
  if (!found && found.error().code() != Errc::not_found) {
    return found.error();
  }
  return found && is_promise_record(found->type_hash());
}

// A promise that is gone may have been set between the two looks.
std::optional<Result<ObjectView>> BackendConnector::awaited(const Address& address, std::uint64_t last_bytes,
                                                            Deadline deadline) {
  if (const auto space = spaces_.space_of(address.key.store, deadline); !space) {
    return space.error();
  }
  auto found = reader_.find(address, last_bytes, deadline);
  if (found || found.error().code() != Errc::not_found) {
    return found;
  }
  const auto promised = promise_named(address.key.store, address.name);
  const auto may_come = promised ? is_unset(*promised, deadline) : Result<bool>(true);
  if (!may_come) {
    return may_come.error();
  }
  if (*may_come) {
    return std::nullopt;
  }
  found = reader_.find(address, last_bytes, deadline);
  return found || found.error().code() != Errc::not_found ? std::move(found) : no_such_object();
}

Result<ObjectView> BackendConnector::wait(const Address& address, Deadline deadline, const Wanted& wanted) {
  if (address.name.empty()) {
    return get(address, deadline);  // keys are made by sealing: a missing one never appears later
  }
  const auto moment = deadline.moment(options_.timeout);
  // A wait that has no time looks once, and that look has some.
  const auto began = Clock::now();
  const auto latest = moment > began ? moment : began + one_look;
  const auto space = spaces_.space_of(address.key.store, latest);
  if (!space) {
    return space.error();
  }
  const std::string record = names_.of_name(address.name);
  const auto turn = [&](Clock::time_point until) -> Result<ObjectView> {
    const std::uint64_t told = bound_.count();
    if (auto found = awaited(address, whole_record, latest)) {
      return std::move(*found);
    }
    if (Clock::now() < until) {
      const BlockingWait blocking;
      traits_.pushes ? backend_->await({*space, record}, until) : bound_.wait(told, until);
    }
    return name_not_put();
  };
  return wait_in_turns(moment, traits_.pushes ? turns_of_looks : BackOff(shortest_pause, longest_pause),
                       wanted, turn);
}

}  // namespace

Result<OpenBackend> open_backend_connector(std::shared_ptr<Backend> backend,
                                           BackendConnectorOptions options) {
  const auto identity = identity_of(*backend, Clock::now() + options.timeout);
  if (!identity) {
    return identity.error();
  }
  return OpenBackend{std::make_shared<BackendConnector>(std::move(backend), std::move(options)), *identity};
}

}  // namespace locum
