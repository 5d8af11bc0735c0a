#include "core/node/cluster.hpp"

#include <algorithm>
#include <cstring>
#include <limits>
#include <optional>
#include <string>
#include <utility>

#include "core/base/unless_out_of_memory.hpp"
#include "core/node/checked_keys.hpp"
#include "core/node/disk_copy.hpp"
#include "core/node/expired.hpp"
#include "core/node/node_memory.hpp"
#include "core/node/publish.hpp"
#include "core/node/reclaim.hpp"
#include "core/object/internal_stores.hpp"
#include "core/object/object_tail.hpp"
#include "core/ports/expiring.hpp"
#include "core/ports/name_waits.hpp"
#include "core/ports/node_contents.hpp"
#include "core/ports/wait_in_turns.hpp"
#include "core/value/errors.hpp"

namespace locum {

namespace {

class Cluster final : public Connector, public Expiring, public NodeContents, public NameWaits {
 public:
  explicit Cluster(ClusterParts parts)
      : arena_(std::move(parts.arena)),
        table_(std::move(parts.table)),
        directory_(std::move(parts.directory)),
        timeout_(parts.timeout),
        lost_node_peers_(std::move(parts.lost_node_peers)),
        monitor_(std::move(parts.monitor)),
        spill_(std::move(parts.spill)),
        drop_copies_(std::move(parts.drop_copies)),
        replaces_expired_(parts.replaces_expired) {}

  Result<ObjectDraft> create(std::uint64_t size_bytes, const ObjectMeta& meta, WaitBudget budget) override;
  NowOrTask<Sealed> seal_or_task(const ObjectDraft& draft, const SealOptions& options, CountsUntil counts,
                                 WaitBudget budget) override;
  void discard(const ObjectDraft& draft) noexcept override;
  NowOrTask<bool> evict_or_task(const Address& address, CountsUntil counts, WaitBudget budget) override;
  Result<std::uint64_t> drop(std::uint32_t store) override;

  Result<ObjectView> get(const Address& address, WaitBudget budget) override;
  NowOrTask<ObjectView> get_or_task(const Address& address, const Selection& selection, CountsUntil counts,
                                    Deadline deadline) override;
  NowOrTask<bool> exists_or_task(const Address& address, CountsUntil counts, WaitBudget budget) override;
  NowOrTask<std::vector<std::string>> list_or_task(std::uint32_t store, std::string_view prefix,
                                                   CountsUntil counts, Deadline deadline) override;
  Result<ObjectView> wait(const Address& address, Deadline deadline, const Wanted& wanted) override;
  void watch(const Address& address, const std::shared_ptr<NameWatcher>& watcher) override {
    (void)directory_->watch(name_hash(address.key.store, address.name), watcher);
  }

  std::vector<Key> keys_of_node(std::uint32_t store) override { return table_->keys(store, Whose::node); }
  MemoryUsage usage() const override;
  void sweep() noexcept override { evict_expired(*this, *table_, *arena_); }

  Capability* find_capability(const std::type_info& type) noexcept override {
    return one_of<MemoryMonitor, StoreAccounts, Expiring, NodeContents, NameWaits>(
        type, monitor_.get(), table_->accounts(), this, this, this);
  }

 private:
  [[nodiscard]] Result<Pin> find(const Address& address, WaitBudget budget);
  [[nodiscard, gnu::cold, gnu::noinline]] Result<std::uint64_t> replace_expired(const Key& key,
                                                                                const ObjectDraft& draft,
                                                                                const SealOptions& options,
                                                                                WaitBudget budget);
  [[nodiscard]] Result<Pin> await(const Address& address, const std::optional<Key>& promised,
                                  Deadline::Clock::time_point until);
  [[nodiscard]] Result<ObjectView> view_of(const Result<Pin>& pin, const Address& address,
                                           const WaitBudget& budget);
  [[nodiscard]] Result<ObjectView> view_at(const Pin& pin) const;
  [[nodiscard]] Result<bool> evict_key(const Key& key, WaitBudget budget);
  // Out of line, so that a get that succeeds needs no registers and no stack for them.
  [[nodiscard, gnu::cold, gnu::noinline]] Error absent(const Address& address, const Error& error,
                                                       WaitBudget budget) const;
  [[nodiscard, gnu::cold, gnu::noinline]] Error refuse_outside_memory(const Pin& pin);
  [[nodiscard, gnu::noinline]] Result<ObjectView> checked_view(const Pin& pin, const WaitBudget& budget);
  [[nodiscard, gnu::noinline]] Result<ObjectView> view_from_disk(const Pin& pin, const Address& address,
                                                                 const WaitBudget& budget);
  [[nodiscard]] Result<void> check_sum(const Pin& pin, const std::byte* block);
  [[nodiscard]] Result<Block> allocate(const ObjectRecord& record, std::uint32_t alignment,
                                       WaitBudget budget) const;
  [[nodiscard, gnu::cold, gnu::noinline]] Result<void> take_of_budget(StoreAccounts& accounts,
                                                                      const ObjectRecord& record);
  [[nodiscard]] Result<ObjectDraft> create_once(const ObjectRecord& record, const ObjectMeta& meta,
                                                WaitBudget budget) const;
  [[nodiscard]] Result<ObjectDraft> draft_in(const Block& block, const ObjectRecord& record,
                                             const ObjectMeta& meta) const;
  [[nodiscard]] Error full(const Error& cause, std::uint64_t size_bytes, const Owned& owned) const;
  Owned collect(Effort effort) const;

  const std::shared_ptr<Arena> arena_;
  const std::shared_ptr<NodeTable> table_;
  const std::shared_ptr<Directory> directory_;
  const std::chrono::milliseconds timeout_;
  const LostNodePeers lost_node_peers_;
  const std::shared_ptr<MemoryMonitor> monitor_;
  const std::shared_ptr<ObjectSpill> spill_;
  const DropCopies drop_copies_;
  const bool replaces_expired_;
  CheckedKeys checked_;
};

[[gnu::hot]] Result<ObjectDraft> Cluster::create(std::uint64_t size_bytes, const ObjectMeta& meta,
                                                 WaitBudget budget) {
  if (meta.name.size() > max_name_bytes) {
    return wrong_length("a name", meta.name.size()).about(meta.name);
  }
  if (meta.type_name.size() > std::numeric_limits<std::uint16_t>::max() || meta.extents.rank > max_rank) {
    return Error(Errc::invalid_argument,
                 "a type's name has at most 64 KiB - 1, an array at most 8 dimensions")
        .about(meta.name);
  }
  if (size_bytes > std::numeric_limits<std::uint64_t>::max() / 2) {
    return full(Error(Errc::out_of_memory,
                      "no machine has " + std::to_string(size_bytes) + " bytes of memory; check the size"),
                size_bytes, collect(Effort::thorough));
  }
  (void)collect(Effort::amortised);
  ObjectRecord record = record_of(meta, 0, size_bytes);
  StoreAccounts* const accounts = table_->accounts();
  const bool has_budgets = accounts != nullptr && accounts->any();
  if (has_budgets) {
    if (const auto taken = take_of_budget(*accounts, record); !taken) {
      return taken.error().about(meta.name);
    }
  }
  auto draft = create_once(record, meta, budget);
  // Nothing leaves for copies of other nodes' objects, which have their own rule: NodeCopies::make_room().
  if (!draft && draft.error().code() == Errc::out_of_memory && !is_internal(meta.store)) [[unlikely]] {
    draft = create_by_displacing(drop_copies_, spill_.get(), std::move(draft), size_bytes, budget,
                                 budget.deadline().moment(timeout_),
                                 [&] { return create_once(record, meta, budget); });
  }
  if (!draft && has_budgets) {
    accounts->give_back(record.store, record.block_bytes());
  }
  return draft;
}

[[gnu::hot]] Result<ObjectDraft> Cluster::create_once(const ObjectRecord& record, const ObjectMeta& meta,
                                                      WaitBudget budget) const {
  const auto block = allocate(record, meta.alignment, budget);
  return block ? draft_in(*block, record, meta) : Result<ObjectDraft>(block.error().about(meta.name));
}

// The texts are those in the block, which live as long as the draft.
[[gnu::hot]] Result<ObjectDraft> Cluster::draft_in(const Block& block, const ObjectRecord& record,
                                                   const ObjectMeta& meta) const {
  std::byte* const bytes = arena_->data(block.offset);
  write_tail(bytes, record, {meta.element_bytes, meta.extents, meta.type_name, meta.name});
  const char* const texts = reinterpret_cast<const char*>(bytes) + record.block_bytes() - record.name_bytes -
                            record.type_name_bytes;
  Result<ObjectDraft> made(std::in_place, std::span(bytes, record.size_bytes), block.offset, meta);
  made->meta.type_name = {texts, record.type_name_bytes};
  made->meta.name = {texts + record.type_name_bytes, record.name_bytes};
  return made;
}

// Collects evicted objects thoroughly before giving up.
[[gnu::hot]] Result<Block> Cluster::allocate(const ObjectRecord& record, std::uint32_t alignment,
                                             WaitBudget budget) const {
  const std::uint64_t bytes = record.block_bytes();
  auto block = arena_->allocate(bytes, alignment, budget);
  if (!block && block.error().code() == Errc::out_of_memory) {
    const Owned owned = collect(Effort::thorough);
    block = arena_->allocate(bytes, alignment, budget);
    if (!block) {
      const Error error = full(block.error(), record.size_bytes, owned);
      return block.error().is_transient() ? error.as_transient() : error;
    }
  }
  return block;
}

Result<void> Cluster::take_of_budget(StoreAccounts& accounts, const ObjectRecord& record) {
  auto taken = accounts.take(record.store, record.block_bytes());
  if (!taken) {
    (void)collect(Effort::thorough);
    taken = accounts.take(record.store, record.block_bytes());
  }
  return taken;
}

// On a node whose objects leave memory, a put may fail at first as a rule: so without a pass over all
// objects, which tells how much of a rank's memory is that of objects that came back.
Error Cluster::full(const Error& cause, std::uint64_t size_bytes, const Owned& owned) const {
  const ArenaUsage now = arena_->usage();
  return Error(Errc::out_of_memory,
               "no room for " + std::to_string(size_bytes) + " bytes: this rank uses " +
                   std::to_string(now.used) + ", of which " + std::to_string(owned.pinned.bytes) +
                   " are evicted but still viewed, and has " + std::to_string(now.free) +
                   " free in pieces; the node has committed " + std::to_string(now.node_committed) + " of " +
                   std::to_string(now.limit) +
                   ", and other ranks had too little to spare. Evict unneeded objects, release views that "
                   "nobody needs, or "
                   "give the runtime more memory_bytes",
               cause.detail().empty() ? cause.text() : cause.detail());
}

[[gnu::hot]] NowOrTask<Sealed> Cluster::seal_or_task(const ObjectDraft& draft, const SealOptions& options,
                                                     CountsUntil /*counts*/, WaitBudget budget) {
  return {seal_here(*table_, *arena_, *directory_, draft, options, budget,
                    [&](const Key& key) { return replace_expired(key, draft, options, budget); })};
}

Result<std::uint64_t> Cluster::replace_expired(const Key& key, const ObjectDraft& draft,
                                               const SealOptions& options, WaitBudget budget) {
  const auto over = replaces_expired_ ? expired_generation(*directory_, *table_, *arena_, draft.meta.store,
                                                           draft.meta.name, budget)
                                      : std::nullopt;
  if (over) {
    auto bound = directory_->bind(key, {SealMode::replace, *over, options.caller_tells}, budget);
    if (bound || (bound.error().code() != Errc::stale && bound.error().code() != Errc::not_found)) {
      return bound;
    }
  }
  return directory_->bind(key, options, budget);  // somebody else has taken it, or evicted it
}

void Cluster::discard(const ObjectDraft& draft) noexcept {
  locum::discard(*table_, *arena_, draft);
}

// This and view_of() make up a get of this node's objects: they must compile to one function, whatever else
// is in the same translation unit.
[[gnu::always_inline]] inline Result<Pin> Cluster::find(const Address& address, WaitBudget budget) {
  const bool by_name = !address.name.empty();
  auto pin = by_name ? directory_->find(address.key.store, address.name, budget) : table_->pin(address.key);
  if (!pin && !by_name) [[unlikely]] {
    pin = absent(address, pin.error(), budget);
  }
  return pin;
}

// The error for a key that is gone: replaced by a newer generation of its name, or evicted.
Error Cluster::absent(const Address& address, const Error& error, WaitBudget budget) const {
  const auto live =
      address.name_hash != 0 ? directory_->generation(address.name_hash, budget) : Result<std::uint64_t>(0);
  if (!live) {
    return live.error().about(to_string(address.key));
  }
  return *live == 0 ? error : object_replaced().about(to_string(address.key));
}

// Once for each object in this process: no rank may write to it after sealing.
Result<void> Cluster::check_sum(const Pin& pin, const std::byte* block) {
  if (checked_.contains(pin.key)) {
    return {};
  }
  std::uint32_t sealed = 0;
  std::memcpy(&sealed, block + checksum_at(*pin.record), sizeof sealed);
  const std::uint32_t found = checksum_of(block, *pin.record);
  if (found != sealed) {
    return Error(Errc::corrupt, wrong_checksum(found, sealed)).about(to_string(pin.key));
  }
  checked_.add(pin.key);
  return {};
}

Error Cluster::refuse_outside_memory(const Pin& pin) {
  table_->release(pin.id);
  return block_outside_memory().about(to_string(pin.key));
}

// If it is gone before it is back, the name may be bound to another object now.
Result<ObjectView> Cluster::view_from_disk(const Pin& pin, const Address& address, const WaitBudget& budget) {
  auto found = checked_view(pin, budget);
  if (found || found.error().code() != Errc::not_found) {
    return found;
  }
  return address.name.empty() ? absent(address, found.error(), budget) : get(address, budget);
}

// Of an object with a checksum, or one whose payload was on disk a moment ago.
Result<ObjectView> Cluster::checked_view(const Pin& pin, const WaitBudget& budget) {
  auto copy = pin.on_disk ? from_disk(spill_.get(), pin, budget) : Result<std::shared_ptr<DiskCopy>>(nullptr);
  const std::byte* const block = copy && *copy ? (*copy)->block().data() : arena_->data(pin.record->offset);
  auto right = copy && pin.record->has_checksum() ? check_sum(pin, block) : Result<void>();
  if (!copy || !right) {
    table_->release(pin.id);
    return copy ? right.error() : copy.error();
  }
  if (*copy) {
    table_->release(pin.id);
    return DiskCopy::view(std::move(*copy));
  }
  return view_at(pin);
}

[[gnu::hot]] Result<ObjectView> Cluster::view_at(const Pin& pin) const {
  const ObjectRecord& record = *pin.record;
  return Result<ObjectView>(std::in_place, *table_, pin.id, pin.key,
                            std::span<const std::byte>(arena_->data(record.offset), record.size_bytes),
                            record.type_hash);
}

[[gnu::always_inline]] inline Result<ObjectView> Cluster::view_of(const Result<Pin>& pin,
                                                                  const Address& address,
                                                                  const WaitBudget& budget) {
  if (!pin) [[unlikely]] {
    return pin.error();
  }
  if (!holds(*arena_, *pin->record)) [[unlikely]] {
    return refuse_outside_memory(*pin);
  }
  if (pin->on_disk) [[unlikely]] {
    return view_from_disk(*pin, address, budget);
  }
  if (pin->record->has_checksum()) [[unlikely]] {
    return checked_view(*pin, budget);
  }
  return view_at(*pin);
}

[[gnu::hot]] Result<ObjectView> Cluster::get(const Address& address, WaitBudget budget) {
  return view_of(find(address, budget), address, budget);
}

// The metadata of an object are in memory, wherever its payload is.
NowOrTask<ObjectView> Cluster::get_or_task(const Address& address, const Selection& selection,
                                           CountsUntil counts, Deadline deadline) {
  if (!spill_ || !std::holds_alternative<Facts>(selection)) {
    return Connector::get_or_task(address, selection, counts, deadline);
  }
  const auto pin = find(address, deadline);
  if (!pin) {
    return {pin.error()};
  }
  if (!pin->on_disk || !holds(*arena_, *pin->record)) {
    return {view_of(pin, address, deadline)};
  }
  return {Result<ObjectView>(std::in_place, *table_, pin->id, pin->key, std::span<const std::byte>(),
                             pin->record->type_hash)};
}

NowOrTask<bool> Cluster::exists_or_task(const Address& address, CountsUntil /*counts*/, WaitBudget budget) {
  const auto pin = find(address, budget);
  if (pin) {
    table_->release(pin->id);
    return {true};
  }
  if (pin.error().code() == Errc::not_found || pin.error().code() == Errc::stale) {
    return {false};
  }
  return {pin.error()};
}

NowOrTask<std::vector<std::string>> Cluster::list_or_task(std::uint32_t store, std::string_view prefix,
                                                          CountsUntil /*counts*/, Deadline deadline) {
  auto names = guarded([&] { return directory_->names(store, prefix, deadline); });
  if (names) {
    std::sort(names->begin(), names->end());
  }
  return {std::move(names)};
}

Result<ObjectView> Cluster::wait(const Address& address, Deadline deadline, const Wanted& wanted) {
  if (address.name.empty()) {
    return get(address, deadline);
  }
  const auto moment = deadline.moment(timeout_);
  const auto promised = promise_named(address.key.store, address.name);
  const auto turn = [&](Deadline::Clock::time_point until) -> Result<ObjectView> {
    const auto found = await(address, promised, until);
    const bool is_away = found && found->on_disk && holds(*arena_, *found->record);
    auto view = is_away ? checked_view(*found, moment) : view_of(found, address, moment);
    const bool is_gone = found && !view && view.error().code() == Errc::not_found;
    return is_gone ? name_not_put() : std::move(view);
  };
  const bool looks = wanted || promised;
  return wait_in_turns(moment, looks ? std::optional(turns_of_looks) : std::nullopt, wanted, turn);
}

// A promise may end without its name being bound.
Result<Pin> Cluster::await(const Address& address, const std::optional<Key>& promised,
                           Deadline::Clock::time_point until) {
  if (promised) {
    auto found = find_promised(*table_, *directory_, *promised, address.name, lost_node_peers_, {});
    if (found || found.error().code() != Errc::timeout) {
      return found;
    }
  }
  return directory_->wait(address.key.store, address.name, until);
}

// A named object goes through the directory, whose lock orders an eviction and a replacement.
Result<bool> Cluster::evict_key(const Key& key, WaitBudget budget) {
  if (table_->unnamed(key)) {
    return table_->tombstone(key);
  }
  const auto pin = table_->pin(key);
  if (!pin) {
    return pin.error().code() == Errc::corrupt ? Result<bool>(pin.error().about(to_string(key))) : false;
  }
  const PinnedObject object(table_, *pin);  // also if the home of its name cannot be asked
  const ObjectRecord& record = *pin->record;
  return record.name_bytes == 0 || !holds(*arena_, record)
             ? Result<bool>(table_->tombstone(key))
             : directory_->unbind(record.store, read_name(arena_->data(record.offset), record), key, budget);
}

NowOrTask<bool> Cluster::evict_or_task(const Address& address, CountsUntil /*counts*/, WaitBudget budget) {
  Result<bool> evicted = address.name.empty()
                             ? evict_key(address.key, budget)
                             : directory_->unbind(address.key.store, address.name, Key{}, budget);
  (void)collect(Effort::amortised);
  return {std::move(evicted)};
}

Result<std::uint64_t> Cluster::drop(std::uint32_t store) {
  Result<std::uint64_t> dropped = 0;
  for (const Key& key : table_->keys(store, Whose::own)) {
    const auto evicted = evict(key, {});
    if (!evicted && dropped) {
      dropped = evicted.error();  // the other objects are evicted nevertheless
    } else if (evicted && *evicted && dropped) {
      ++*dropped;
    }
  }
  return dropped;
}

Owned Cluster::collect(Effort effort) const {
  return reclaim(*table_, *arena_, effort);
}

MemoryUsage Cluster::usage() const {
  const Owned owned = collect(Effort::thorough);
  const ArenaUsage arena = arena_->usage();
  MemoryUsage usage;
  usage.limit = arena.limit;
  usage.committed = arena.node_committed;
  usage.highest = arena.node_highest;
  usage.own_committed = arena.committed;
  usage.own_highest = arena.highest;
  usage.own_used = arena.used;
  usage.own_pinned = owned.pinned.bytes;
  usage.own_objects = owned.live;
  if (spill_) {
    const SpillUsage spilled = spill_->usage();
    usage.own_on_disk = spilled.objects;
    usage.own_disk_bytes = spilled.bytes;
    for (std::uint64_t* const counted : {&usage.own_used, &usage.own_committed}) {
      *counted += spilled.uncounted_bytes;
      *counted -= std::min(*counted, spilled.overcounted_bytes);
    }
  }
  return usage;
}

}  // namespace

std::shared_ptr<Connector> open_cluster(ClusterParts parts) {
  return std::make_shared<Cluster>(std::move(parts));
}

}  // namespace locum
