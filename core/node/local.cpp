#include "core/node/local.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <limits>
#include <map>
#include <new>
#include <set>
#include <unordered_map>
#include <utility>

#include "core/base/blocking_wait.hpp"
#include "core/base/checksum.hpp"
#include "core/base/mutex.hpp"
#include "core/base/unless_out_of_memory.hpp"
#include "core/base/wall_clock.hpp"
#include "core/node/local_accounts.hpp"
#include "core/node/local_memory.hpp"
#include "core/node/promised.hpp"
#include "core/object/internal_stores.hpp"
#include "core/ports/directory.hpp"
#include "core/ports/expiring.hpp"
#include "core/ports/memory_monitor.hpp"
#include "core/ports/name_waits.hpp"
#include "core/ports/node_contents.hpp"
#include "core/ports/wait_in_turns.hpp"
#include "core/value/errors.hpp"

namespace locum {

namespace {

/// One object: its bytes, its metadata, and the board of its views. It lives until the connector and all
/// views have released it.
class LocalObject final : public PinBoard {
 public:
  /// REQUIRES: it is counted in `accounts`, if they have any, which is undone when it ends.
  LocalObject(std::uint64_t size_bytes, const ObjectMeta& meta, std::shared_ptr<LocalMemory> memory,
              std::shared_ptr<LocalAccounts> accounts)
      : memory_(std::move(memory)),
        accounts_(std::move(accounts)),
        type_name_(meta.type_name),
        name_(meta.name),
        meta_(meta),
        bytes_(static_cast<std::byte*>(::operator new(size_bytes, alignment_of(meta)))),
        size_bytes_(size_bytes) {
    meta_.type_name = type_name_;
    meta_.name = name_;
    memory_->take(size_bytes_);
  }

  void retain(std::uint64_t) noexcept override { holders_.fetch_add(1, std::memory_order_relaxed); }
  void release(std::uint64_t) noexcept override {
    if (holders_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
      delete this;
    }
  }
  [[nodiscard]] ObjectFacts describe(std::uint64_t) const override {
    return {sealed_.key,     size_bytes_,         sealed_.generation,
            meta_.type_hash, meta_.element_bytes, meta_.layout,
            meta_.extents,   type_name_,          name_};
  }

  [[nodiscard]] std::uint64_t expires_ns(std::uint64_t) const noexcept override { return expires_ns_; }
  [[nodiscard]] bool has_expired(std::uint64_t now_ns) const noexcept {
    return expires_ns_ != 0 && expires_ns_ <= now_ns;
  }

  [[nodiscard]] std::span<std::byte> bytes() const noexcept { return {bytes_, size_bytes_}; }
  [[nodiscard]] const ObjectMeta& meta() const noexcept { return meta_; }
  [[nodiscard]] const Sealed& sealed() const noexcept { return sealed_; }
  [[nodiscard]] std::uint64_t views() const noexcept { return holders_.load(std::memory_order_relaxed) - 1; }
  void set_sealed(const Sealed& sealed) noexcept {
    sealed_ = sealed;
    expires_ns_ = meta_.lifetime_ms == 0 ? 0 : moment_after(meta_.lifetime_ms);
    sum_ = meta_.checksum ? checksum(bytes()) : 0;
  }
  /// On first use: whether the bytes are still those that were sealed.
  [[nodiscard]] Result<void> check() {
    if (!meta_.checksum || checked_.load(std::memory_order_relaxed)) {
      return {};
    }
    if (const std::uint32_t found = checksum(bytes()); found != sum_) {
      return Error(Errc::corrupt, wrong_checksum(found, sum_)).about(to_string(sealed_.key));
    }
    checked_.store(true, std::memory_order_relaxed);
    return {};
  }

 private:
  ~LocalObject() {
    ::operator delete(bytes_, alignment_of(meta_));
    if (accounts_->any()) {
      accounts_->give_back(meta_.store, size_bytes_);
    }
    memory_->give_back(size_bytes_);
  }
  static std::align_val_t alignment_of(const ObjectMeta& meta) noexcept {
    return std::align_val_t{std::max<std::size_t>(meta.alignment, 64)};
  }

  std::shared_ptr<LocalMemory> memory_;
  std::shared_ptr<LocalAccounts> accounts_;
  std::string type_name_;
  std::string name_;
  ObjectMeta meta_;
  std::byte* bytes_;
  std::uint64_t size_bytes_;
  Sealed sealed_;
  std::uint32_t sum_ = 0;
  std::uint64_t expires_ns_ = 0;
  std::atomic<bool> checked_{false};
  std::atomic<std::uint64_t> holders_{1};  // the maker
};

struct LetGo {
  void operator()(LocalObject* object) const noexcept { object->release(0); }
};
using ObjectPointer = std::unique_ptr<LocalObject, LetGo>;

Result<ObjectView> view_of(LocalObject& object) {
  if (auto right = object.check(); !right) {
    return right.error();
  }
  object.retain(0);
  return Result<ObjectView>(std::in_place, object, 0, object.sealed().key, object.bytes(),
                            object.meta().type_hash);
}

class Local final : public Connector,
                    public MemoryMonitor,
                    public Expiring,
                    public NodeContents,
                    public NameWaits {
 public:
  explicit Local(LocalOptions options) : options_(options) {}

  Result<ObjectView> get(const Address& address, WaitBudget) override {
    const MutexLock lock(mutex_);
    if (LocalObject* const object = find(address)) {
      return view_of(*object);
    }
    return absent(address);
  }

  NowOrTask<bool> exists_or_task(const Address& address, CountsUntil, WaitBudget) override {
    const MutexLock lock(mutex_);
    return {find(address) != nullptr};
  }

  NowOrTask<std::vector<std::string>> list_or_task(std::uint32_t store, std::string_view prefix, CountsUntil,
                                                   Deadline) override {
    return {guarded([&]() -> Result<std::vector<std::string>> {
      const MutexLock lock(mutex_);
      std::vector<std::string> names;
      for (auto at = names_.lower_bound({store, prefix});
           at != names_.end() && at->first.first == store && at->first.second.starts_with(prefix); ++at) {
        names.emplace_back(at->first.second);
      }
      return names;
    })};
  }

  Result<ObjectView> wait(const Address& address, Deadline deadline, const Wanted& wanted) override {
    if (address.name.empty()) {
      return get(address, deadline);  // keys are made by sealing: a missing one never appears later
    }
    // What `wanted` asks may look for other objects here.
    return wait_in_turns(deadline.moment(options_.timeout),
                         wanted ? std::optional(turns_of_looks) : std::nullopt, wanted,
                         [&](Deadline::Clock::time_point until) { return await(address, until); });
  }

  Result<ObjectDraft> create(std::uint64_t size_bytes, const ObjectMeta& meta, WaitBudget) override {
    const MutexLock lock(mutex_);
    const std::uint64_t used = memory_->used();
    const std::uint64_t free = limit() - std::min(limit(), used);
    if (size_bytes > free) {
      return full(size_bytes, used, free);
    }
    if (accounts_->any()) {
      if (auto taken = accounts_->take(meta.store, size_bytes); !taken) {
        return taken.error().about(meta.name);
      }
    }
    ObjectPointer object;
    try {
      object.reset(new LocalObject(size_bytes, meta, memory_, accounts_));
    } catch (const std::bad_alloc&) {
      accounts_->give_back(meta.store, size_bytes);
      return full(size_bytes, used, free);
    }
    const std::uint64_t place = ++last_place_;
    const ObjectDraft draft{object->bytes(), place, object->meta()};
    drafts_.emplace(place, std::move(object));
    return draft;
  }

  NowOrTask<Sealed> seal_or_task(const ObjectDraft& draft, const SealOptions& options, CountsUntil,
                                 WaitBudget) override {
    return {do_seal(draft, options)};
  }

  void watch(const Address& /*address*/, const std::shared_ptr<NameWatcher>& watcher) override {
    const MutexLock lock(mutex_);
    if (std::ranges::find(watchers_, watcher) == watchers_.end()) {
      watchers_.push_back(watcher);
    }
  }

  void discard(const ObjectDraft& draft) noexcept override {
    const MutexLock lock(mutex_);
    drafts_.erase(draft.place);
  }

  NowOrTask<bool> evict_or_task(const Address& address, CountsUntil, WaitBudget) override {
    const MutexLock lock(mutex_);
    LocalObject* const object = find(address);
    if (object != nullptr) {
      erase(*object);
    }
    return {object != nullptr};
  }

  Result<std::uint64_t> drop(std::uint32_t store) override {
    const MutexLock lock(mutex_);
    std::vector<LocalObject*> dropped;
    for (const auto& [key, object] : objects_) {
      if (key.store == store) {
        dropped.push_back(object.get());
      }
    }
    for (LocalObject* const object : dropped) {
      erase(*object);
    }
    return dropped.size();
  }

  std::vector<Key> keys_of_node(std::uint32_t store) override {
    const MutexLock lock(mutex_);
    std::vector<Key> keys;
    for (const auto& [key, object] : objects_) {
      if (key.store == store) {
        keys.push_back(key);
      }
    }
    return keys;
  }
  void sweep() noexcept override {
    const MutexLock lock(mutex_);
    const std::uint64_t now = nanoseconds_since_1970();
    for (auto each = objects_.begin(); each != objects_.end();) {
      const LocalObject& object = *(each++)->second;
      if (object.has_expired(now)) {
        erase(object);
      }
    }
  }
  MemoryUsage usage() const override {
    const MutexLock lock(mutex_);
    MemoryUsage usage;
    usage.limit = options_.memory_bytes;
    usage.own_used = memory_->used();
    usage.committed = usage.own_committed = usage.own_used;
    usage.highest = usage.own_highest = memory_->highest();
    usage.own_pinned = pinned_bytes(usage.own_used);
    usage.own_objects = objects_.size();
    return usage;
  }

  std::uint32_t arm() noexcept override { return memory_->arm(); }
  void sleep(std::uint32_t armed, Moment until) noexcept override { memory_->sleep(armed, until); }
  // Evicted objects belong to their views alone: they are counted, not named.
  ViewedMemory viewed(std::size_t most) override {
    const MutexLock lock(mutex_);
    ViewedMemory viewed{.bytes = pinned_bytes(memory_->used()), .most_bytes = limit(), .largest = {}};
    viewed.objects = viewed.bytes > 0 ? 1 : 0;  // at least
    for (const auto& [key, object] : objects_) {
      if (const std::uint64_t views = object->views(); views > 0) {
        const std::uint64_t bytes = object->bytes().size();
        viewed.bytes += bytes;
        ++viewed.objects;
        viewed.largest.push_back(
            {key, std::string(object->meta().name), bytes, static_cast<std::uint32_t>(views)});
      }
    }
    std::ranges::sort(viewed.largest, std::greater(), &ViewedObject::bytes);
    viewed.largest.resize(std::min(most, viewed.largest.size()));
    return viewed;
  }

  Capability* find_capability(const std::type_info& type) noexcept override {
    return one_of<MemoryMonitor, StoreAccounts, Expiring, NodeContents, NameWaits>(
        type, this, accounts_.get(), this, this, this);
  }

 private:
  using NameKey = std::pair<std::uint32_t, std::string_view>;  // the object owns the text
  using Names = std::map<NameKey, LocalObject*>;
  using LiveHashes = std::set<std::pair<std::uint32_t, std::uint64_t>>;

  [[nodiscard]] std::uint64_t limit() const noexcept {
    return options_.memory_bytes == 0 ? std::numeric_limits<std::ptrdiff_t>::max() : options_.memory_bytes;
  }
  Result<Sealed> do_seal(const ObjectDraft& draft, const SealOptions& options) {
    const MutexLock lock(mutex_);
    auto node = drafts_.extract(draft.place);
    if (node.empty()) {
      return draft_ended();
    }
    LocalObject& object = *node.mapped();
    const ObjectMeta& meta = object.meta();
    const bool named = !meta.name.empty();
    LocalObject* const live = named ? find({meta.store, meta.name}) : nullptr;
    if (named) {
      if (auto allowed = may_bind(live, options); !allowed) {
        return allowed.error();
      }
    }
    const Key key{meta.store, options_.creator, ++last_serial_};
    objects_.emplace(key, std::move(node.mapped()));
    object.set_sealed({key, named ? ++(meta.store == registry ? last_store_ : last_generation_) : 0});
    if (live != nullptr) {
      erase(*live);
    }
    if (named) {
      names_.emplace(NameKey{meta.store, meta.name}, &object);
      live_hashes_.emplace(meta.store, name_hash(meta.store, meta.name));
    }
    live_bytes_ += object.bytes().size();
    tell_of_names();
    return object.sealed();
  }

  /// The object under a name, once it is put; `timeout` at that moment.
  Result<ObjectView> await(const Address& address, Deadline::Clock::time_point until) LOCUM_EXCLUDES(mutex_) {
    const auto promised = promise_named(address.key.store, address.name);
    const BlockingWait blocking;
    MutexLock lock(mutex_);
    for (;; (void)lock.wait_until(sealed_, until)) {
      if (LocalObject* const object = find(address)) {
        return view_of(*object);
      }
      if (promised && !is_unset(*promised)) {
        return no_such_object();
      }
      if (Deadline::Clock::now() >= until) {
        return name_not_put();
      }
    }
  }

  LocalObject* find(const Address& address) const LOCUM_REQUIRES(mutex_) {
    if (address.name.empty()) {
      const auto found = objects_.find(address.key);
      return found == objects_.end() ? nullptr : found->second.get();
    }
    const auto found = names_.find({address.key.store, address.name});
    return found == names_.end() ? nullptr : found->second;
  }

  bool is_unset(const Key& promised) const LOCUM_REQUIRES(mutex_) {
    const auto found = objects_.find(placeholder_of(promised));
    return found != objects_.end() && is_promise_record(found->second->meta().type_hash);
  }

  Error absent(const Address& address) const LOCUM_REQUIRES(mutex_) {
    if (address.name.empty() && address.name_hash != 0 &&
        live_hashes_.contains({address.key.store, address.name_hash})) {
      return object_replaced();
    }
    return no_such_object();
  }

  static Result<void> may_bind(const LocalObject* live, const SealOptions& options) {
    if (options.mode == SealMode::put) {
      if (live != nullptr && !live->has_expired(nanoseconds_since_1970())) {
        return name_taken();
      }
      return {};
    }
    if (options.expected_generation == 0) {
      return {};
    }
    if (live == nullptr) {
      return name_not_bound();
    }
    if (live->sealed().generation != options.expected_generation) {
      return other_generation(options.expected_generation);
    }
    return {};
  }

  void erase(const LocalObject& object) LOCUM_REQUIRES(mutex_) {
    const ObjectMeta& meta = object.meta();
    if (!meta.name.empty()) {
      names_.erase(NameKey{meta.store, meta.name});
      live_hashes_.erase({meta.store, name_hash(meta.store, meta.name)});
    }
    live_bytes_ -= object.bytes().size();
    if (is_promise_record(meta.type_hash)) {
      tell_of_names();  // a promise may have ended
    }
    const Key key = object.sealed().key;
    objects_.erase(key);
  }

  void tell_of_names() LOCUM_REQUIRES(mutex_) {
    sealed_.notify_all();
    for (const auto& watcher : std::exchange(watchers_, {})) {
      watcher->bound();
    }
  }

  std::uint64_t pinned_bytes(std::uint64_t used) const LOCUM_REQUIRES(mutex_) {
    std::uint64_t visible = live_bytes_;
    for (const auto& [place, draft] : drafts_) {
      visible += draft->bytes().size();
    }
    return used - std::min(used, visible);
  }

  Error full(std::uint64_t asked, std::uint64_t used, std::uint64_t free) const LOCUM_REQUIRES(mutex_) {
    return Error(Errc::out_of_memory,
                 "asked for " + std::to_string(asked) + " bytes: " + std::to_string(used) + " are used, " +
                     std::to_string(pinned_bytes(used)) + " of them evicted but still viewed, and " +
                     std::to_string(free) + " are free; evict objects, or allow more memory");
  }

  const LocalOptions options_;
  const std::shared_ptr<LocalMemory> memory_ = std::make_shared<LocalMemory>();
  const std::shared_ptr<LocalAccounts> accounts_ = std::make_shared<LocalAccounts>();
  mutable Mutex mutex_;
  std::condition_variable sealed_;
  std::vector<std::shared_ptr<NameWatcher>> watchers_ LOCUM_GUARDED_BY(mutex_);
  std::unordered_map<Key, ObjectPointer> objects_ LOCUM_GUARDED_BY(mutex_);
  Names names_ LOCUM_GUARDED_BY(mutex_);
  LiveHashes live_hashes_ LOCUM_GUARDED_BY(mutex_);
  std::unordered_map<std::uint64_t, ObjectPointer> drafts_ LOCUM_GUARDED_BY(mutex_);
  std::uint64_t live_bytes_ LOCUM_GUARDED_BY(mutex_) = 0;
  std::uint64_t last_place_ LOCUM_GUARDED_BY(mutex_) = 0;
  std::uint64_t last_serial_ LOCUM_GUARDED_BY(mutex_) = 0;
  std::uint64_t last_generation_ LOCUM_GUARDED_BY(mutex_) = 0;
  std::uint64_t last_store_ LOCUM_GUARDED_BY(mutex_) = 0;  ///< the generations of the registry's names
};

}  // namespace

std::shared_ptr<Connector> open_local(LocalOptions options) {
  return std::make_shared<Local>(options);
}

}  // namespace locum
