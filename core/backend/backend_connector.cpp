#include "core/backend/backend_connector.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <condition_variable>
#include <cstring>
#include <random>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/backend/call_pool.hpp"
#include "core/backend/pooled_call.hpp"
#include "core/backend/read_ahead.hpp"
#include "core/backend/record_format.hpp"
#include "core/backend/record_names.hpp"
#include "core/backend/store_spaces.hpp"
#include "core/backend/stored_object.hpp"
#include "core/base/mutex.hpp"
#include "core/node/promised.hpp"
#include "core/object/internal_stores.hpp"
#include "core/ports/directory.hpp"
#include "core/ports/expiring.hpp"

namespace locum {

namespace {

using Clock = Deadline::Clock;

/// Set in the creator of the key of a named object.
constexpr std::uint32_t named_bit = std::uint32_t{1} << 31U;
/// A serial has neither of the bits of promises.
constexpr std::uint64_t serial_bits = restored_bit - 1;
constexpr std::size_t most_known_bytes = std::size_t{16} << 20U;  ///< of names
constexpr std::chrono::milliseconds longest_pause{50};

std::uint64_t random_word() {
  std::random_device device;
  return (std::uint64_t{device()} << 32U) | device();
}

std::uint64_t nanoseconds_since_1970() {
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(
                                        std::chrono::system_clock::now().time_since_epoch())
                                        .count());
}

Key key_of_name(std::uint32_t store, std::string_view name, std::uint64_t generation) {
  const auto folded = static_cast<std::uint32_t>(detail::fold_multiply(generation, 0x9E3779B97F4A7C15U));
  const std::uint64_t serial = name_hash(store, name) & serial_bits;
  return {store, named_bit | folded, serial == 0 ? 1 : serial};
}

bool is_of_name(const Key& key) noexcept {
  return (key.creator & named_bit) != 0 && !is_promised(key);
}

/// An object that is being made, until it is sealed.
struct Draft {
  std::shared_ptr<std::byte> memory;
  std::uint64_t record_bytes = 0;
  ObjectMeta meta;
  std::string type_name;
  std::string name;
};

/// A record, and what its end says; none of a record that another program stored.
struct Loaded {
  Record record;
  std::optional<StoredFacts> facts;
};

class BackendConnector final : public Connector,
                               public Batches,
                               public Expiring,
                               public std::enable_shared_from_this<BackendConnector> {
 public:
  BackendConnector(std::shared_ptr<Backend> backend, BackendConnectorOptions options)
      : backend_(std::move(backend)),
        traits_(backend_->traits()),
        options_(std::move(options)),
        names_(traits_),
        spaces_(backend_, names_),
        pool_(std::make_shared<CallPool>(options_.most_threads, options_.on_start)),
        until_used_(std::make_shared<ReadAhead>(options_.prefetch_bytes)),
        until_got_(std::make_shared<ReadAhead>(options_.prefetch_bytes)),
        creator_(static_cast<std::uint32_t>(random_word()) & ~named_bit),
        last_serial_((random_word() << 40U) & serial_bits) {}

  Result<ObjectView> get(const Address& address, WaitBudget budget) override {
    return find(address, whole_record, until(budget));
  }
  NowOrTask<ObjectView> get_or_task(const Address& address, const Selection& selection, CountsUntil counts,
                                    Deadline deadline) override {
    const auto look = [selection, last = std::holds_alternative<Facts>(selection) ? 0 : whole_record](
                          BackendConnector& self, const Address& at, Deadline moment) {
      return selected(self.find(at, last, moment), selection);
    };
    return now_or_task<ObjectView>(address, counts, deadline, true, look);
  }
  NowOrTask<bool> exists_or_task(const Address& address, CountsUntil counts, WaitBudget budget) override {
    return now_or_task<bool>(
        address, counts, budget.deadline(), false,
        [](BackendConnector& self, const Address& at, Deadline moment) -> Result<bool> {
          const auto found = self.find(at, 0, moment);
          if (!found && found.error().code() != Errc::not_found && found.error().code() != Errc::stale) {
            return found.error();
          }
          return found.has_value();
        });
  }
  NowOrTask<std::vector<std::string>> list_or_task(std::uint32_t store, std::string_view prefix,
                                                   CountsUntil counts, Deadline deadline) override {
    return now_or_task<std::vector<std::string>>(
        Address(store, prefix), counts, deadline, false,
        [](BackendConnector& self, const Address& at, Deadline moment) {
          return self.names_in(at.key.store, at.name, moment);
        });
  }
  Result<ObjectView> wait(const Address& address, Deadline deadline, const Wanted& wanted) override;
  void watch(const Address& /*address*/, const std::shared_ptr<NameWatcher>& watcher) override {
    const MutexLock lock(mutex_);
    if (std::ranges::find(watchers_, watcher) == watchers_.end()) {
      watchers_.push_back(watcher);
    }
  }

  Result<ObjectDraft> create(std::uint64_t size_bytes, const ObjectMeta& meta, WaitBudget budget) override;
  NowOrTask<Sealed> seal_or_task(const ObjectDraft& draft, const SealOptions& options, CountsUntil counts,
                                 WaitBudget budget) override {
    const Deadline moment = until(budget);
    if (counts == CountsUntil::never) {
      return {do_seal(draft.place, options, moment)};
    }
    return task<Sealed>(nullptr, 0, [self = shared_from_this(), place = draft.place, options, moment] {
      return self->do_seal(place, options, moment);
    });
  }
  void discard(const ObjectDraft& draft) noexcept override { (void)take_draft(draft.place); }
  NowOrTask<bool> evict_or_task(const Address& address, CountsUntil counts, WaitBudget budget) override {
    return now_or_task<bool>(
        address, counts, budget.deadline(), false,
        [](BackendConnector& self, const Address& at, Deadline moment) { return self.do_evict(at, moment); });
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
    const MutexLock lock(mutex_);
    for (const auto& [place, draft] : drafts_) {
      usage.own_used += draft.record_bytes;
    }
    usage.own_committed = usage.committed = usage.own_used;
    return usage;
  }
  std::uint64_t store_number(std::string_view name, std::uint64_t generation) const override {
    return spaces_.number_of(name, generation);
  }
  void disown() noexcept override { pool_->disown(); }

  Expiring* expiring() noexcept override { return this; }
  void expire(std::uint32_t store, std::chrono::milliseconds lifetime) override {
    const MutexLock lock(mutex_);
    lifetimes_[store] = lifetime;
  }
  void sweep(std::uint32_t store, Deadline deadline) noexcept override;

  Batches* batches() noexcept override { return this; }
  void find_batch(std::span<const Address> addresses, Wanting wanting, std::span<Result<ObjectView>> found,
                  Deadline deadline) override;
  void seal_batch(std::span<const ObjectDraft> drafts, std::span<Result<Sealed>> sealed,
                  Deadline deadline) override;
  void evict_batch(std::span<const Address> addresses, std::span<Result<bool>> evicted,
                   Deadline deadline) override {
    const Deadline moment = until(deadline);
    pool_->make_all(addresses.size(), [&](std::size_t at) { evicted[at] = do_evict(addresses[at], moment); });
  }

 private:
  /// A draft that is about to be stored.
  struct Sealing {
    Draft draft;
    std::string space;
    std::string record_name;
    Sealed sealed;
    NewRecord record;
  };

  [[nodiscard]] Deadline until(WaitBudget budget) const { return budget.deadline().moment(options_.timeout); }

  template <class T>
  [[nodiscard]] NowOrTask<T> task(std::shared_ptr<ReadAhead> ahead, std::uint64_t bytes,
                                  std::function<Result<T>()> call) {
    return {T(), std::make_shared<PooledCall<T>>(pool_, std::move(call), std::move(ahead), bytes,
                                                 options_.timeout)};
  }
  template <class T, class Call>
  [[nodiscard]] NowOrTask<T> now_or_task(const Address& address, CountsUntil counts, Deadline deadline,
                                         bool fetches, Call call) {
    if (counts == CountsUntil::never) {
      return {call(*this, address, until(deadline))};
    }
    auto ahead = !fetches ? nullptr : counts_for_use(counts) ? until_used_ : until_got_;
    // Without a deadline of its own its time runs from its start: it may have to queue.
    return task<T>(std::move(ahead), address.size_bytes,
                   [self = shared_from_this(), call, deadline, key = address.key, hash = address.name_hash,
                    size = address.size_bytes, name = std::string(address.name)] {
                     Address at(key, hash, size);
                     at.name = name;
                     return call(*self, at, self->until(deadline));
                   });
  }

  [[nodiscard]] Result<ObjectView> find(const Address& address, std::uint64_t last_bytes, Deadline deadline);
  [[nodiscard]] Result<Loaded> load(std::string_view space, std::string_view record, std::uint64_t last_bytes,
                                    Deadline deadline);
  [[nodiscard]] Result<Loaded> loaded(Record record);
  [[nodiscard]] Result<ObjectView> view_of(Loaded loaded, const Key& key, std::string_view name);
  [[nodiscard]] Result<ObjectView> found_by_name(Result<Loaded> found, std::uint32_t store,
                                                 std::string_view name);
  [[nodiscard]] Result<ObjectView> found_by_key(Result<Loaded> found, const Address& address,
                                                const std::string& name);
  [[nodiscard]] Result<std::string> record_of(const Key& key, const std::string& space, std::string& name,
                                              Deadline deadline);
  [[nodiscard]] Result<std::string> name_of_hash(const Key& key, const std::string& space, Deadline deadline);
  void know(const Key& key, std::string_view name);
  [[nodiscard]] Result<std::vector<std::string>> names_in(std::uint32_t store, std::string_view prefix,
                                                          Deadline deadline);
  [[nodiscard]] std::optional<Draft> take_draft(std::uint64_t place) noexcept;
  [[nodiscard]] Result<Sealing> prepare(std::uint64_t place, const SealOptions& options, Deadline deadline);
  [[nodiscard]] Result<Sealed> finish(const Sealing& sealing, const Result<void>& stored);
  [[nodiscard]] bool needs_alias(const Sealing& sealing) const;
  [[nodiscard]] static NewRecord alias_of(const Sealing& sealing);
  [[nodiscard]] Result<void> store(const Sealing& sealing, Deadline deadline);
  [[nodiscard]] Result<void> once_more(const Sealing& sealing, Result<void> stored, Deadline deadline);
  [[nodiscard]] Result<Sealed> do_seal(std::uint64_t place, const SealOptions& options, Deadline deadline);
  [[nodiscard]] Result<bool> do_evict(const Address& address, Deadline deadline);
  [[nodiscard]] std::uint64_t next_generation() noexcept;
  [[nodiscard]] std::chrono::milliseconds lifetime_of(std::uint32_t store) const;
  [[nodiscard]] bool is_unset(const Key& promised, Deadline deadline);
  void tell_of_names() noexcept;

  const std::shared_ptr<Backend> backend_;
  const BackendTraits traits_;
  const BackendConnectorOptions options_;
  const RecordNames names_;
  StoreSpaces spaces_;
  const std::shared_ptr<CallPool> pool_;
  const std::shared_ptr<ReadAhead> until_used_;
  const std::shared_ptr<ReadAhead> until_got_;
  const std::uint32_t creator_;
  std::atomic<std::uint64_t> last_serial_;
  std::atomic<std::uint64_t> last_generation_{0};
  mutable Mutex mutex_;
  std::condition_variable sealed_;
  std::uint64_t seals_ LOCUM_GUARDED_BY(mutex_) = 0;
  std::uint64_t last_place_ LOCUM_GUARDED_BY(mutex_) = 0;
  std::unordered_map<std::uint64_t, Draft> drafts_ LOCUM_GUARDED_BY(mutex_);
  std::vector<std::shared_ptr<NameWatcher>> watchers_ LOCUM_GUARDED_BY(mutex_);
  std::unordered_map<std::uint32_t, std::chrono::milliseconds> lifetimes_ LOCUM_GUARDED_BY(mutex_);
  /// The names of keys of named objects, by store and hash, that this process has met.
  std::unordered_map<Key, std::string> known_names_ LOCUM_GUARDED_BY(mutex_);
  std::size_t known_bytes_ LOCUM_GUARDED_BY(mutex_) = 0;
};

Key without_generation(const Key& key) noexcept {
  return {key.store, named_bit, key.serial};
}

// Greater than any before in this process, and about the moment: so greater than those of other processes
// that were given before, as far as their clocks agree.
std::uint64_t BackendConnector::next_generation() noexcept {
  const std::uint64_t now = nanoseconds_since_1970();
  std::uint64_t last = last_generation_.load(std::memory_order_relaxed);
  std::uint64_t next = 0;
  do {
    next = std::max(now, last + 1);
  } while (!last_generation_.compare_exchange_weak(last, next, std::memory_order_relaxed));
  return next;
}

void BackendConnector::know(const Key& key, std::string_view name) {
  const MutexLock lock(mutex_);
  const auto [known, is_new] = known_names_.try_emplace(without_generation(key));
  if (is_new) {
    constexpr std::size_t of_an_entry = 100;
    known_bytes_ += name.size() + of_an_entry;
    known->second = name;
  }
  if (known_bytes_ > most_known_bytes) {
    known_names_.clear();
    known_bytes_ = 0;
  }
}

Result<Loaded> BackendConnector::loaded(Record record) {
  if (record_end_bytes(record.bytes) == 0) {
    return Loaded{std::move(record), std::nullopt};
  }
  auto facts = read_record(record.bytes, record.size_bytes);
  if (!facts) {
    return facts.error();
  }
  if (facts->words.expires_ns != 0 && facts->words.expires_ns <= nanoseconds_since_1970()) {
    return no_such_object();
  }
  return Loaded{std::move(record), *facts};
}

Result<Loaded> BackendConnector::load(std::string_view space, std::string_view record,
                                      std::uint64_t last_bytes, Deadline deadline) {
  if (auto time = still_time(deadline); !time) {
    return time.error();
  }
  if (last_bytes == 0) {
    last_bytes = usual_end_bytes;
  }
  auto found = backend_->load({space, record}, last_bytes, deadline);
  if (found && found->bytes.size() < found->size_bytes) {
    if (const std::uint64_t end = record_end_bytes(found->bytes); end > found->bytes.size()) {
      found = backend_->load({space, record}, end, deadline);
    }
  }
  if (!found) {
    return found.error().code() == Errc::not_found ? no_such_object() : found.error();
  }
  const std::uint64_t revision = found->revision;
  auto whole = loaded(std::move(*found));
  if (!whole && whole.error().code() == Errc::not_found) {
    (void)backend_->remove({space, record}, revision, deadline);  // its room comes back
  }
  return whole;
}

Result<ObjectView> BackendConnector::view_of(Loaded loaded, const Key& key, std::string_view name) {
  if (!loaded.facts) {
    const auto object = std::make_shared<StoredObject>(std::move(loaded.record), key, name);
    return object->view(object);
  }
  StoredFacts& facts = *loaded.facts;
  constexpr std::uintptr_t line_bytes = 64;
  if (reinterpret_cast<std::uintptr_t>(facts.payload.data()) % line_bytes != 0) {
    // Readers need the alignment of their elements.
    const auto memory = record_memory(loaded.record.bytes.size());
    if (!memory) {
      return no_memory_left();
    }
    std::memcpy(memory.get(), loaded.record.bytes.data(), loaded.record.bytes.size());
    loaded.record.bytes = {memory.get(), loaded.record.bytes.size()};
    loaded.record.owner = memory;
    auto moved = read_record(loaded.record.bytes, loaded.record.size_bytes);
    if (!moved) {
      return moved.error();
    }
    facts = *moved;
  }
  if (!facts.payload.empty()) {
    if (auto right = check_payload(facts); !right) {
      return right.error();
    }
  }
  const auto object = std::make_shared<StoredObject>(std::move(loaded.record), facts, key);
  return object->view(object);
}

// A name that is a hash in the backend may be that of another object.
Result<ObjectView> BackendConnector::found_by_name(Result<Loaded> found, std::uint32_t store,
                                                   std::string_view name) {
  if (!found) {
    return found.error();
  }
  if (found->facts && found->facts->tail.name != name) {
    return no_such_object();
  }
  const Key key = key_of_name(store, name, found->record.revision);
  know(key, name);
  return view_of(std::move(*found), key, name);
}

Result<ObjectView> BackendConnector::find(const Address& address, std::uint64_t last_bytes,
                                          Deadline deadline) {
  const Key& key = address.key;
  const auto space = spaces_.space_of(key.store, deadline);
  if (!space) {
    return space.error();
  }
  if (!address.name.empty()) {
    return found_by_name(load(*space, names_.of_name(address.name), last_bytes, deadline), key.store,
                         address.name);
  }
  std::string name;
  const auto record = record_of(key, *space, name, deadline);
  return record ? found_by_key(load(*space, *record, last_bytes, deadline), address, name)
                : Result<ObjectView>(record.error());
}

// `name`: of the object, if it has one.
Result<ObjectView> BackendConnector::found_by_key(Result<Loaded> found, const Address& address,
                                                  const std::string& name) {
  const Key& key = address.key;
  if (!found) {
    return found.error();
  }
  if (name.empty()) {
    return found->facts && found->facts->words.key == key
               ? view_of(std::move(*found), key, {})
               : Error(Errc::corrupt, "the record under this key holds another object; store it again");
  }
  auto view = found_by_name(std::move(found), key.store, name);
  if (view && view->key() != key) {
    return address.name_hash != 0
               ? Error(Errc::stale, "the name was replaced since this handle was made; get the name again")
               : no_such_object();
  }
  return view;
}

// Sets `name` if it is that of a named object.
Result<std::string> BackendConnector::record_of(const Key& key, const std::string& space, std::string& name,
                                                Deadline deadline) {
  if (!is_of_name(key)) {
    return is_promised(key) || !key.valid() ? Result<std::string>(no_such_object())
                                            : RecordNames::of_key(key);
  }
  {
    const MutexLock lock(mutex_);
    if (const auto known = known_names_.find(without_generation(key)); known != known_names_.end()) {
      name = known->second;
    }
  }
  if (name.empty()) {
    auto found = name_of_hash(key, space, deadline);
    if (!found) {
      return found.error();
    }
    name = std::move(*found);
  }
  return names_.of_name(name);
}

// Another process made the key: the name is looked for among all, or in the record that leads to it.
Result<std::string> BackendConnector::name_of_hash(const Key& key, const std::string& space,
                                                   Deadline deadline) {
  const auto is_it = [&](std::string_view name) {
    return (name_hash(key.store, name) & serial_bits) == key.serial;
  };
  if (!traits_.lists) {
    const auto alias = backend_->load({space, RecordNames::of_alias(key.serial)}, whole_record, deadline);
    if (!alias) {
      return alias.error().code() == Errc::not_found ? no_such_object() : alias.error();
    }
    std::string name(reinterpret_cast<const char*>(alias->bytes.data()), alias->bytes.size());
    return is_it(name) ? Result<std::string>(std::move(name)) : no_such_object();
  }
  const auto names = names_in(key.store, {}, deadline);
  if (!names) {
    return names.error();
  }
  for (const std::string& name : *names) {
    know(key_of_name(key.store, name, 0), name);
  }
  const auto found = std::ranges::find_if(*names, is_it);
  return found == names->end() ? Result<std::string>(no_such_object()) : *found;
}

Result<std::vector<std::string>> BackendConnector::names_in(std::uint32_t store, std::string_view prefix,
                                                            Deadline deadline) {
  const auto space = spaces_.space_of(store, deadline);
  if (!space) {
    return space.error().code() == Errc::not_found ? Result<std::vector<std::string>>(std::in_place)
                                                   : space.error();
  }
  auto records = backend_->list(*space, names_.of_prefix(prefix), deadline);
  if (records && !prefix.empty()) {
    // Those whose names are hashes there begin with something else.
    auto hashed = backend_->list(*space, "@h", deadline);
    if (!hashed) {
      return hashed.error();
    }
    std::ranges::move(*hashed, std::back_inserter(*records));
  }
  if (!records) {
    return records.error();
  }
  std::vector<std::string> names;
  for (const std::string& record : *records) {
    if (auto name = RecordNames::name_in(record)) {
      names.push_back(std::move(*name));
    } else if (RecordNames::is_hashed(record)) {
      const auto found = load(*space, record, 0, deadline);
      if (found && found->facts) {
        names.emplace_back(found->facts->tail.name);
      }
    }
  }
  std::erase_if(names, [&](const std::string& name) { return !name.starts_with(prefix); });
  std::ranges::sort(names);
  const auto repeated = std::ranges::unique(names);
  names.erase(repeated.begin(), repeated.end());
  return names;
}

bool BackendConnector::is_unset(const Key& promised, Deadline deadline) {
  const auto found = find(Address(placeholder_of(promised)), whole_record, deadline);
  return found && is_promise_record(found->type_hash());
}

Result<ObjectView> BackendConnector::wait(const Address& address, Deadline deadline, const Wanted& wanted) {
  if (address.name.empty()) {
    return get(address, deadline);  // keys are made by sealing: a missing one never appears later
  }
  const auto moment = deadline.moment(options_.timeout);
  const auto promised = promise_named(address.key.store, address.name);
  const auto space = spaces_.space_of(address.key.store, until({}));
  if (!space) {
    return space.error();
  }
  const std::string record = names_.of_name(address.name);
  auto next_look = Clock::now() + look_interval;
  for (auto pause = std::chrono::milliseconds(1);; pause = std::min(2 * pause, longest_pause)) {
    std::uint64_t seals = 0;
    {
      const MutexLock lock(mutex_);
      seals = seals_;
    }
    // One look has time, even if the wait has none.
    const auto latest = std::max(moment, Clock::now() + std::chrono::seconds(1));
    auto found = find(address, whole_record, latest);
    if (found || found.error().code() != Errc::not_found) {
      return found;
    }
    if (promised && !is_unset(*promised, latest)) {
      found = find(address, whole_record, latest);  // it may have been set in between
      return found || found.error().code() != Errc::not_found ? std::move(found) : no_such_object();
    }
    const auto now = Clock::now();
    if (now >= next_look && wanted && !wanted()) {
      return name_not_put();
    }
    next_look = now >= next_look ? now + look_interval : next_look;
    if (now >= moment) {
      return name_not_put();
    }
    if (traits_.pushes) {
      backend_->await({*space, record}, std::min(moment, next_look));
    } else {
      MutexLock lock(mutex_);
      const auto end = std::min(moment, now + pause);
      while (seals_ == seals && lock.wait_until(sealed_, end)) {
      }
    }
  }
}

Result<ObjectDraft> BackendConnector::create(std::uint64_t size_bytes, const ObjectMeta& meta, WaitBudget) {
  const std::uint64_t end = record_end_bytes(meta);
  if (size_bytes > traits_.largest_record || traits_.largest_record - size_bytes < end) {
    return Error(Errc::value_too_large,
                 "the object takes " + std::to_string(size_bytes) + " bytes and " + std::to_string(end) +
                     " for what it is; " + std::string(traits_.scheme) + ": holds " +
                     std::to_string(traits_.largest_record) + " at most: store it in parts, or elsewhere")
        .about(meta.name);
  }
  Draft draft{.memory = record_memory(size_bytes + end),
              .record_bytes = size_bytes + end,
              .meta = meta,
              .type_name = std::string(meta.type_name),
              .name = std::string(meta.name)};
  if (!draft.memory) {
    return Error(Errc::out_of_memory, "this process has no " + std::to_string(size_bytes) +
                                          " bytes for the object; free some, and try again")
        .about(meta.name);
  }
  const MutexLock lock(mutex_);
  const std::uint64_t place = ++last_place_;
  Draft& kept = drafts_.emplace(place, std::move(draft)).first->second;
  kept.meta.type_name = kept.type_name;
  kept.meta.name = kept.name;
  return ObjectDraft{{kept.memory.get(), size_bytes}, place, kept.meta};
}

std::optional<Draft> BackendConnector::take_draft(std::uint64_t place) noexcept {
  const MutexLock lock(mutex_);
  const auto found = drafts_.find(place);
  if (found == drafts_.end()) {
    return std::nullopt;
  }
  std::optional<Draft> draft(std::move(found->second));
  drafts_.erase(found);
  draft->meta.type_name = draft->type_name;
  draft->meta.name = draft->name;
  return draft;
}

Result<BackendConnector::Sealing> BackendConnector::prepare(std::uint64_t place, const SealOptions& options,
                                                            Deadline deadline) {
  auto draft = take_draft(place);
  if (!draft) {
    return Error(Errc::invalid_argument, "this draft is already sealed or discarded; create another one");
  }
  if (auto time = still_time(deadline); !time) {
    return time.error();
  }
  const std::uint32_t store = draft->meta.store;
  auto space = spaces_.space_of(store, deadline);
  if (!space) {
    return space.error();
  }
  Sealing sealing;
  sealing.draft = std::move(*draft);
  sealing.space = std::move(*space);
  Draft& made = sealing.draft;
  made.meta.type_name = made.type_name;
  made.meta.name = made.name;
  const std::uint64_t generation = next_generation();
  NewRecord& record = sealing.record;
  record.revision = generation;
  if (made.name.empty()) {
    sealing.sealed.key = {store, creator_,
                          (last_serial_.fetch_add(1, std::memory_order_relaxed) + 1) & serial_bits};
    sealing.record_name = RecordNames::of_key(sealing.sealed.key);
  } else {
    sealing.sealed = {key_of_name(store, made.name, generation), generation};
    sealing.record_name = names_.of_name(made.name);
    record.expect = options.mode == SealMode::put      ? Expect::absent
                    : options.expected_generation == 0 ? Expect::anything
                                                       : Expect::revision;
    record.expected_revision = options.expected_generation;
  }
  const auto lifetime = lifetime_of(store);
  const auto lifetime_ns =
      static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(lifetime).count());
  record.lifetime = lifetime;
  const std::span<std::byte> bytes(made.memory.get(), made.record_bytes);
  write_record_end(bytes, made.meta, sealing.sealed.key, sealing.sealed.generation,
                   lifetime_ns == 0 ? 0 : generation + lifetime_ns);
  record.owner = made.memory;
  record.bytes = bytes;
  return sealing;
}

Result<Sealed> BackendConnector::finish(const Sealing& sealing, const Result<void>& stored) {
  if (!stored) {
    switch (stored.error().code()) {
      case Errc::key_exists:
        return Error(Errc::key_exists, "the name is taken; use replace() to change it, or evict it first");
      case Errc::not_found:
        return Error(Errc::not_found, "the name to be replaced is not bound; put it");
      case Errc::stale:
        return Error(Errc::stale, "another generation is current, not the expected " +
                                      std::to_string(sealing.record.expected_revision) +
                                      "; get the name again");
      default:
        return stored.error();
    }
  }
  if (!sealing.draft.name.empty()) {
    know(sealing.sealed.key, sealing.draft.name);
    tell_of_names();
  }
  return sealing.sealed;
}

bool BackendConnector::needs_alias(const Sealing& sealing) const {
  return !traits_.lists && !sealing.draft.name.empty();
}

// The one that leads to the name first: whoever has the key of the object finds its name.
Result<void> BackendConnector::store(const Sealing& sealing, Deadline deadline) {
  const RecordKey key{sealing.space, sealing.record_name};
  if (!needs_alias(sealing)) {
    return backend_->store(key, sealing.record, deadline);
  }
  const std::string alias_name = RecordNames::of_alias(sealing.sealed.key.serial);
  const std::array<RecordKey, 2> keys{RecordKey{sealing.space, alias_name}, key};
  const std::array<NewRecord, 2> records{alias_of(sealing), sealing.record};
  std::array<Result<void>, 2> stored;
  if (RecordBatches* const together = backend_->batches()) {
    together->store(keys, records, stored, deadline);
  } else {
    stored[0] = backend_->store(keys[0], records[0], deadline);
    stored[1] = stored[0] ? backend_->store(keys[1], records[1], deadline) : stored[0];
  }
  return stored[0] ? std::move(stored[1]) : std::move(stored[0]);
}

NewRecord BackendConnector::alias_of(const Sealing& sealing) {
  NewRecord alias;
  alias.bytes = std::as_bytes(std::span(sealing.draft.name));
  alias.revision = sealing.record.revision;
  alias.lifetime = sealing.record.lifetime;
  return alias;
}

// If what has the name had expired.
Result<void> BackendConnector::once_more(const Sealing& sealing, Result<void> stored, Deadline deadline) {
  const RecordKey key{sealing.space, sealing.record_name};
  const bool may_have_expired =
      !stored && stored.error().code() == Errc::key_exists && sealing.record.lifetime.count() > 0;
  return may_have_expired && !load(key.space, key.name, 0, deadline)
             ? backend_->store(key, sealing.record, deadline)
             : std::move(stored);
}

Result<Sealed> BackendConnector::do_seal(std::uint64_t place, const SealOptions& options, Deadline deadline) {
  const auto sealing = prepare(place, options, deadline);
  if (!sealing) {
    return sealing.error();
  }
  return finish(*sealing, once_more(*sealing, store(*sealing, deadline), deadline));
}

std::chrono::milliseconds BackendConnector::lifetime_of(std::uint32_t store) const {
  const MutexLock lock(mutex_);
  const auto found = lifetimes_.find(store);
  return found == lifetimes_.end() ? std::chrono::milliseconds(0) : found->second;
}

// A look at a record that has expired removes it.
void BackendConnector::sweep(std::uint32_t store, Deadline deadline) noexcept {
  if (traits_.expires || !traits_.lists) {
    return;
  }
  const auto space = spaces_.space_of(store, deadline);
  const auto records =
      space ? backend_->list(*space, {}, deadline) : Result<std::vector<std::string>>(space.error());
  if (!records) {
    return;
  }
  for (const std::string& record : *records) {
    (void)load(*space, record, 0, deadline);
  }
}

void BackendConnector::tell_of_names() noexcept {
  std::vector<std::shared_ptr<NameWatcher>> watchers;
  {
    const MutexLock lock(mutex_);
    ++seals_;
    watchers.swap(watchers_);
    sealed_.notify_all();
  }
  for (const auto& watcher : watchers) {
    watcher->bound();
  }
}

Result<bool> BackendConnector::do_evict(const Address& address, Deadline deadline) {
  if (auto time = still_time(deadline); !time) {
    return time.error();
  }
  const auto space = spaces_.space_of(address.key.store, deadline);
  if (!space) {
    return space.error().code() == Errc::not_found ? Result<bool>(false) : space.error();
  }
  Result<bool> removed(false);
  if (!address.name.empty()) {
    const std::string record = names_.of_name(address.name);
    if (RecordNames::is_hashed(record) || traits_.expires) {
      // Whether it is that object, and still there.
      const auto found = find(address, 0, deadline);
      if (!found) {
        return found.error().code() == Errc::not_found ? Result<bool>(false) : found.error();
      }
    }
    removed = backend_->remove({*space, record}, 0, deadline);
  } else if (!is_of_name(address.key)) {
    if (!address.key.valid() || is_promised(address.key)) {
      return false;
    }
    removed = backend_->remove({*space, RecordNames::of_key(address.key)}, 0, deadline);
  } else {
    const auto found = find(Address(address.key), 0, deadline);
    if (!found) {
      return found.error().code() == Errc::not_found ? Result<bool>(false) : found.error();
    }
    const ObjectFacts facts = found->facts();
    removed = backend_->remove({*space, names_.of_name(facts.name)}, facts.generation, deadline);
  }
  tell_of_names();  // a promise may have ended
  return removed;
}

void BackendConnector::find_batch(std::span<const Address> addresses, Wanting wanting,
                                  std::span<Result<ObjectView>> found, Deadline deadline) {
  const Deadline moment = until(deadline);
  const std::uint64_t last_bytes = wanting == Wanting::facts ? 0 : whole_record;
  RecordBatches* const together = backend_->batches();
  if (together == nullptr) {
    pool_->make_all(addresses.size(),
                    [&](std::size_t at) { found[at] = find(addresses[at], last_bytes, moment); });
    return;
  }
  std::vector<std::string> spaces(addresses.size());
  std::vector<std::string> records(addresses.size());
  std::vector<std::string> names(addresses.size());
  std::vector<RecordKey> keys;
  std::vector<std::size_t> asked;
  for (std::size_t at = 0; at < addresses.size(); ++at) {
    const Address& address = addresses[at];
    auto space = spaces_.space_of(address.key.store, moment);
    auto record = !space                 ? Result<std::string>(space.error())
                  : address.name.empty() ? record_of(address.key, *space, names[at], moment)
                                         : names_.of_name(address.name);
    if (!record) {
      found[at] = record.error();
      continue;
    }
    spaces[at] = std::move(*space);
    records[at] = std::move(*record);
    keys.push_back({spaces[at], records[at]});
    asked.push_back(at);
  }
  std::vector<Result<Record>> read(keys.size(), Result<Record>(no_such_object()));
  together->load(keys, wanting == Wanting::facts ? usual_end_bytes : whole_record, read, moment);
  for (std::size_t one = 0; one < asked.size(); ++one) {
    const Address& address = addresses[asked[one]];
    Result<ObjectView>& into = found[asked[one]];
    if (!read[one]) {
      into = read[one].error().code() == Errc::not_found ? no_such_object() : read[one].error();
    } else if (record_end_bytes(read[one]->bytes) > read[one]->bytes.size()) {
      into = find(address, last_bytes, moment);  // its name is a long one
    } else if (address.name.empty()) {
      into = found_by_key(loaded(std::move(*read[one])), address, names[asked[one]]);
    } else {
      into = found_by_name(loaded(std::move(*read[one])), address.key.store, address.name);
    }
  }
}

void BackendConnector::seal_batch(std::span<const ObjectDraft> drafts, std::span<Result<Sealed>> sealed,
                                  Deadline deadline) {
  const Deadline moment = until(deadline);
  RecordBatches* const together = backend_->batches();
  if (together == nullptr) {
    pool_->make_all(drafts.size(),
                    [&](std::size_t at) { sealed[at] = do_seal(drafts[at].place, {}, moment); });
    return;
  }
  std::vector<Result<Sealing>> prepared;
  std::vector<RecordKey> keys;
  std::vector<NewRecord> records;
  std::vector<std::size_t> asked;
  prepared.reserve(drafts.size());
  std::vector<std::string> aliases(drafts.size());
  for (std::size_t at = 0; at < drafts.size(); ++at) {
    prepared.push_back(prepare(drafts[at].place, {}, moment));
    const Result<Sealing>& one = prepared.back();
    if (!one) {
      sealed[at] = one.error();
      continue;
    }
    if (needs_alias(*one)) {
      aliases[at] = RecordNames::of_alias(one->sealed.key.serial);
      keys.push_back({one->space, aliases[at]});
      records.push_back(alias_of(*one));
      asked.push_back(drafts.size());
    }
    keys.push_back({one->space, one->record_name});
    records.push_back(one->record);
    asked.push_back(at);
  }
  std::vector<Result<void>> stored(keys.size());
  together->store(keys, records, stored, moment);
  for (std::size_t one = 0; one < asked.size(); ++one) {
    if (asked[one] == drafts.size()) {
      if (!stored[one]) {
        stored[one + 1] = stored[one];  // the object that nobody would find by its key
      }
      continue;
    }
    const Sealing& sealing = *prepared[asked[one]];
    sealed[asked[one]] = finish(sealing, once_more(sealing, std::move(stored[one]), moment));
  }
}

Result<std::uint64_t> identity_of(Backend& backend, Deadline deadline) {
  const RecordKey key{system_space, identity_record};
  for (int round = 0; round < 2; ++round) {
    const auto found = backend.load(key, whole_record, deadline);
    std::uint64_t identity = 0;
    if (found && found->bytes.size() == sizeof identity) {
      std::memcpy(&identity, found->bytes.data(), sizeof identity);
    }
    if (identity != 0) {
      return identity;
    }
    if (found) {
      return Error(Errc::corrupt, "the record '" + std::string(identity_record) +
                                      "' that says which store this is has no identity in it; remove it, and "
                                      "handles of objects here are of no use any more");
    }
    if (found.error().code() != Errc::not_found) {
      return found.error();
    }
    while (identity == 0) {
      identity = random_word();
    }
    NewRecord record;
    record.bytes = std::as_bytes(std::span(&identity, 1));
    record.revision = nanoseconds_since_1970();
    record.expect = Expect::absent;
    const auto stored = backend.store(key, record, deadline);
    if (stored) {
      return identity;
    }
    if (stored.error().code() != Errc::key_exists) {
      return stored.error();
    }
  }
  return Error(Errc::timeout, "another process is removing what this backend keeps; try again");
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
