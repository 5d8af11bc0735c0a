#include "shm/table/object_table.hpp"

#include <algorithm>
#include <numeric>
#include <string>
#include <utility>

#include "core/object/object_tail.hpp"
#include "core/value/errors.hpp"
#include "shm/death/eviction_notice.hpp"
#include "shm/segment/entry_tag.hpp"
#include "shm/segment/kill_point.hpp"
#include "shm/segment/memory_notice.hpp"
#include "shm/table/dead_rank_state.hpp"
#include "shm/table/entry_record.hpp"
#include "shm/table/view_count.hpp"

namespace locum::shm {

namespace {

constexpr std::uint32_t absent = ~0U;

// The generation as pins report it.
std::uint64_t generation_of(const Entry& entry) noexcept {
  const std::uint64_t generation = entry.generation.load(std::memory_order_acquire);
  return generation == generation_asked_for ? 0 : generation;
}

constexpr std::uint64_t id_of(std::uint32_t node_rank, std::uint32_t slot) noexcept {
  return (std::uint64_t{node_rank} << 32U) | slot;
}

}  // namespace

std::shared_ptr<ObjectTable> ObjectTable::make(std::shared_ptr<Segment> segment, std::uint32_t own,
                                               std::vector<std::uint32_t> ranks) {
  return {new ObjectTable(std::move(segment), own, std::move(ranks)),
          [](ObjectTable* table) { table->leave([table] { delete table; }); }};
}

ObjectTable::ObjectTable(std::shared_ptr<Segment> segment, std::uint32_t own,
                         std::vector<std::uint32_t> ranks)
    : segment_(std::move(segment)),
      own_(own),
      ranks_(std::move(ranks)),
      shared_accounts_(segment_, own),
      slots_(segment_, own),
      dead_(Entries(*segment_, own)) {
  if (ranks_.size() > most_ranks) {
    throw Error(Errc::invalid_argument, "a node has at most " + std::to_string(most_ranks) +
                                            " processes, this table was given " +
                                            std::to_string(ranks_.size()));
  }
  if (ranks_.size() != segment_->geometry().ranks || own_ >= ranks_.size()) {
    throw Error(Errc::invalid_argument,
                "the node's memory is for " + std::to_string(segment_->geometry().ranks) +
                    " processes, this table was given " + std::to_string(ranks_.size()) +
                    " and of its own number " + std::to_string(own_));
  }
  node_rank_of_.assign(*std::max_element(ranks_.begin(), ranks_.end()) + std::size_t{1}, absent);
  set_accounts(shared_accounts_);
  const Geometry& geometry = segment_->geometry();
  entries_.reserve(ranks_.size());
  counts_.reserve(ranks_.size());
  for (std::uint32_t node_rank = 0; node_rank < ranks_.size(); ++node_rank) {
    node_rank_of_[ranks_[node_rank]] = node_rank;
    entries_.emplace_back(*segment_, node_rank);
    counts_.emplace_back(Entries::most(geometry));
  }
}

// Of pin(), which each get calls.
[[gnu::always_inline]] inline ObjectTable::Place ObjectTable::place(const Key& key) const noexcept {
  if (key.creator >= node_rank_of_.size() || node_rank_of_[key.creator] == absent) {
    return {};
  }
  const std::uint32_t node_rank = node_rank_of_[key.creator];
  const std::uint32_t slot = slot_of(key.serial);
  // Committed slots stay committed: most calls need not read another process's count.
  if (slot >= counts_[node_rank].reach()) {
    const std::uint32_t slots = entries_[node_rank].committed();
    if (slot >= slots) {
      return {};
    }
    counts_[node_rank].reach_to(slots);
  }
  return {&entries_[node_rank][slot], node_rank, slot};
}

[[gnu::hot]] Result<Key> ObjectTable::publish(const ObjectRecord& record) {
  std::uint32_t slot = 0;
  {
    const MutexLock lock(mutex_);
    const auto taken = slots_.take(dead_);
    if (!taken) {
      return taken.error();
    }
    slot = *taken;
    ++occupied_;
  }
  Entry& fresh = entries_[own_][slot];
  const std::uint64_t sequence = sequence_of(fresh.tag.load(std::memory_order_relaxed)) + 1;
  write_record(fresh, record, check_of(record));
  LOCUM_KILL_POINT("publish: record written");
  fresh.generation.store(0, std::memory_order_relaxed);
  LOCUM_KILL_POINT("publish: generation cleared");
  fresh.tag.store(tag_of(sequence, EntryState::live), std::memory_order_release);
  LOCUM_KILL_POINT("publish: live");
  return Key{record.store, ranks_[own_], (sequence << 32U) | slot};
}

[[gnu::hot]] Result<Pin> ObjectTable::pin(const Key& key) {
  const Place at = hold(key);
  if (at.entry == nullptr) [[unlikely]] {
    const auto away = try_pin_away(key);
    return away ? Result<Pin>(*away) : absent_because(key);
  }
  return Result<Pin>(std::in_place, id_of(at.node_rank, at.slot), key, &at.entry->record,
                     generation_of(*at.entry));
}

std::optional<Pin> ObjectTable::try_pin(const Key& key) noexcept {
  const Place at = hold(key);
  if (at.entry == nullptr) [[unlikely]] {
    return try_pin_away(key);
  }
  return std::optional<Pin>(std::in_place, id_of(at.node_rank, at.slot), key, &at.entry->record,
                            generation_of(*at.entry));
}

// The entry of a live object, with one more view counted; no entry if there is none.
[[gnu::always_inline]] inline ObjectTable::Place ObjectTable::hold(const Key& key) noexcept {
  const Place at = place(key);
  const std::uint64_t live = tag_of(sequence_of(key.serial), EntryState::live);
  if (at.entry == nullptr || at.entry->tag.load(std::memory_order_acquire) != live) {
    return {};
  }
  count_view(at);
  // Only this check counts: a later change of the tag is followed by a check that finds our bit.
  const ObjectRecord& record = at.entry->record;
  if (at.entry->tag.load(std::memory_order_seq_cst) != live || record.store != key.store ||
      record.check != check_of(record)) [[unlikely]] {
    release(id_of(at.node_rank, at.slot));
    return {};
  }
  return at;
}

Error ObjectTable::absent_because(const Key& key) const {
  auto damaged = damage(key);
  return damaged ? std::move(*damaged) : no_such_object();
}

// An entry with the same tag before and after was not written meanwhile, except by a stray store.
std::optional<Error> ObjectTable::damage(const Key& key) const {
  const Place at = place(key);
  if (at.entry == nullptr) {
    return std::nullopt;
  }
  const std::uint64_t tag = at.entry->tag.load(std::memory_order_acquire);
  const ObjectRecord record = read_record(*at.entry);
  std::atomic_thread_fence(std::memory_order_acquire);
  const bool unchanged = at.entry->tag.load(std::memory_order_relaxed) == tag;
  const std::uint64_t sequence = sequence_of(tag);
  const bool known_state = state_of(tag) == EntryState::tombstone ||
                           tag == tag_of(sequence, EntryState::live) ||
                           tag == tag_of(sequence, EntryState::free) || is_disk_tag(tag);
  const bool whole = !is_sealed(state_of(tag)) || record.check == check_of(record);
  if (!unchanged || sequence != sequence_of(key.serial) || (known_state && whole)) {
    return std::nullopt;
  }
  return memory_damaged("entry " + std::to_string(at.slot) + " of rank " + std::to_string(key.creator) +
                        "'s table of objects is damaged in its " + (known_state ? "record" : "tag"));
}

bool ObjectTable::live(const Key& key) const noexcept {
  const Place at = place(key);
  if (at.entry == nullptr) {
    return false;
  }
  const std::uint64_t tag = at.entry->tag.load(std::memory_order_acquire);
  return tag == tag_of(sequence_of(key.serial), EntryState::live) ||
         (sequence_of(tag) == sequence_of(key.serial) && is_disk_tag(tag));
}

// Adds one view of this process; its bit is set on return.
[[gnu::hot]] void ObjectTable::count_view(Place at) noexcept {
  ViewCount(counts_[at.node_rank][at.slot]).add([&] {
    entries_[at.node_rank]
        .pin_word(at.slot, own_)
        .fetch_or(Entries::bit_of(at.slot), std::memory_order_seq_cst);
    LOCUM_KILL_POINT("pin: bit set");
  });
}

Pin ObjectTable::at(std::uint64_t pin_id) const noexcept {
  const auto node_rank = static_cast<std::uint32_t>(pin_id >> 32U);
  const std::uint32_t slot = slot_of(pin_id);
  const Entry& pinned_entry = entries_[node_rank][slot];
  const std::uint64_t tag = pinned_entry.tag.load(std::memory_order_acquire);
  return Pin{pin_id, Key{pinned_entry.record.store, ranks_[node_rank], (sequence_of(tag) << 32U) | slot},
             &pinned_entry.record, generation_of(pinned_entry), is_disk_tag(tag)};
}

bool ObjectTable::has_other_views(std::uint64_t pin_id) const noexcept {
  const auto node_rank = static_cast<std::uint32_t>(pin_id >> 32U);
  const std::uint32_t slot = slot_of(pin_id);
  return counts_[node_rank][slot].load(std::memory_order_relaxed) != 1 ||
         entries_[node_rank].pinned_by_others(slot, own_);
}

void ObjectTable::retain(std::uint64_t pin_id) noexcept {
  ViewCount(counts_[pin_id >> 32U][slot_of(pin_id)]).retain();
}

[[gnu::hot]] void ObjectTable::release(std::uint64_t pin_id) noexcept {
  const auto node_rank = static_cast<std::uint32_t>(pin_id >> 32U);
  const std::uint32_t slot = slot_of(pin_id);
  const bool last = ViewCount(counts_[node_rank][slot]).end([&] {
    entries_[node_rank].pin_word(slot, own_).fetch_and(~Entries::bit_of(slot), std::memory_order_release);
    LOCUM_KILL_POINT("release: bit cleared");
  });
  if (last) [[unlikely]] {
    let_go();
  }
}

// The owner has left; see invariants A to C.
void ObjectTable::leave(std::function<void()> end) noexcept {
  end_ = std::move(end);
  for (const ViewCounts& counts : counts_) {
    for (std::uint32_t slot = 0; slot < counts.reach(); ++slot) {
      ViewCount(counts[slot])
          .orphan([this] { keepers_.fetch_add(1, std::memory_order_relaxed); },
                  [this] { keepers_.fetch_sub(1, std::memory_order_relaxed); });
    }
  }
  let_go();
}

void ObjectTable::let_go() noexcept {
  if (keepers_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
    const std::function<void()> end = std::move(end_);  // this object does not survive the call
    end();
  }
}

// The entry may be refilled meanwhile: then the key is dead, and the following tombstone fails.
bool ObjectTable::unnamed(const Key& key) const noexcept {
  const Place at = place(key);
  if (at.entry == nullptr ||
      at.entry->tag.load(std::memory_order_acquire) != tag_of(sequence_of(key.serial), EntryState::live)) {
    return false;
  }
  const ObjectRecord record = read_record(*at.entry);
  return record.store == key.store && record.name_bytes == 0 && record.check == check_of(record);
}

ObjectFacts ObjectTable::describe(std::uint64_t pin_id) const {
  const Pin pin = at(pin_id);
  return facts_of(pin, segment_->base() + pin.record->offset);
}

std::uint64_t ObjectTable::expires_ns(std::uint64_t pin_id) const noexcept {
  const ObjectRecord& record = *at(pin_id).record;
  return expiry_of(segment_->base() + record.offset, record);
}

void ObjectTable::set_generation(const Key& key, std::uint64_t generation) noexcept {
  if (Word64* const word = this->generation(key)) {
    word->store(generation, std::memory_order_release);
  }
}

bool ObjectTable::tombstone(const Key& key) noexcept {
  const Place at = place(key);
  if (at.entry == nullptr) {
    return false;
  }
  const std::uint64_t sequence = sequence_of(key.serial);
  std::uint64_t tag = tag_of(sequence, EntryState::live);
  while (!at.entry->tag.compare_exchange_strong(tag, tombstone_tag(sequence, own_), std::memory_order_seq_cst,
                                                std::memory_order_relaxed)) {
    if (sequence_of(tag) != sequence || (tag != tag_of(sequence, EntryState::live) && !is_disk_tag(tag))) {
      return false;
    }
  }
  LOCUM_KILL_POINT("tombstone: marked");
  Word32& head = entries_[at.node_rank].share().retired;
  const std::atomic_ref<std::uint32_t> link(at.entry->record.link);
  std::uint32_t first = head.load(std::memory_order_relaxed);
  do {
    link.store(first, std::memory_order_relaxed);
    LOCUM_KILL_POINT("tombstone: linked");
  } while (
      !head.compare_exchange_weak(first, at.slot + 1, std::memory_order_seq_cst, std::memory_order_relaxed));
  LOCUM_KILL_POINT("tombstone: handed back");
  if (at.node_rank != own_) {  // this process collects before it sleeps
    notify_eviction(*segment_, at.node_rank);
  }
  notify_memory(segment_->header());
  return true;
}

std::size_t ObjectTable::known_dead() const noexcept {
  std::size_t all = dead_.size();
  for (const Adopted& each : adopted_) {
    all += each.dead.size();
  }
  return all;
}

std::size_t ObjectTable::dead() noexcept {
  const MutexLock lock(mutex_);
  return known_dead();
}

bool ObjectTable::handed_back() noexcept {
  if (entries_[own_].share().retired.load() != 0) {
    return true;
  }
  const MutexLock lock(mutex_);
  return std::any_of(adopted_.begin(), adopted_.end(),
                     [](const Adopted& each) { return each.dead.entries().share().retired.load() != 0; });
}

// The background work checks the rest again; it must be told if it sleeps.
void ObjectTable::publish_dead(bool is_freeing) noexcept {
  const auto all = static_cast<std::uint32_t>(known_dead());
  Word32& dead = entries_[own_].share().dead;
  if (all != 0) {
    dead.store(all);
    notify_eviction(*segment_, own_);
  } else if (const std::uint32_t mark = is_freeing ? 1 : 0; dead.load(std::memory_order_relaxed) != mark) {
    dead.store(mark, std::memory_order_release);
  }
}

// What is taken off the stack is in no figure of free memory until its block is freed: without the mark a
// process that lacks memory would think that none can be had. The taking of the stack publishes the mark.
[[gnu::hot]] Owned ObjectTable::collect(const FreeBlock& free, Effort effort) noexcept {
  constexpr std::size_t most_kept_records = 1024;
  Word32& marked = entries_[own_].share().dead;
  if (effort == Effort::amortised && entries_[own_].share().retired.load(std::memory_order_relaxed) == 0 &&
      marked.load(std::memory_order_relaxed) == 0 && !adopts_.load(std::memory_order_relaxed)) {
    return {};  // nothing new since, and nothing was pinned then
  }
  Owned owned;
  std::vector<SetAside> from_disk;
  {
    const MutexLock lock(mutex_);
    if (marked.load(std::memory_order_relaxed) == 0) {
      marked.store(1, std::memory_order_relaxed);
    }
    // Kept between calls: most return one object, which is not worth an allocation.
    collected_.clear();
    owned = collect_all(collected_, effort);
    for (const ObjectRecord& record : collected_) {
      free(record);
    }
    if (collected_.capacity() > most_kept_records) {
      std::vector<ObjectRecord>().swap(collected_);
    }
    from_disk.swap(set_aside_);
    publish_dead(!from_disk.empty());
  }
  if (from_disk.empty()) {
    return owned;
  }
  for (const SetAside& each : from_disk) {
    freed_from_disk_(each.record, each.left);
  }
  const MutexLock lock(mutex_);
  publish_dead(false);
  return owned;
}

Owned ObjectTable::collect_all(std::vector<ObjectRecord>& out, Effort effort) noexcept {
  freed_.clear();
  std::size_t before = out.size();
  dead_.collect(out, freed_, effort);
  count_back(own_, std::span(out).subspan(before));
  occupied_ -= freed_.size();
  if (disk_) {
    set_aside(out, before, true);
  }
  for (const std::uint32_t slot : freed_) {
    slots_.give_back(slot);
  }
  Owned owned{.live = 0, .pinned = dead_.pinned()};
  for (Adopted& each : adopted_) {
    freed_.clear();
    before = out.size();
    each.dead.collect(out, freed_, effort);
    count_back(each.node_rank, std::span(out).subspan(before));
    occupied_ -= freed_.size();
    if (disk_) {
      set_aside(out, before, false);
    }
    owned.pinned.objects += each.dead.pinned().objects;
    owned.pinned.bytes += each.dead.pinned().bytes;
  }
  owned.live = occupied_ - owned.pinned.objects;
  return owned;
}

void ObjectTable::count_back(std::uint32_t node_rank, std::span<const ObjectRecord> freed) noexcept {
  if (shared_accounts_.any()) [[unlikely]] {
    for (const ObjectRecord& record : freed) {
      shared_accounts_.give_back(node_rank, record.store, record.block_bytes());
    }
  }
}

std::vector<Key> ObjectTable::keys(std::uint32_t store, Whose whose) {
  std::vector<Key> keys;
  std::vector<std::uint32_t> shares;
  if (whose == Whose::own) {
    shares = adopted_ranks();
    shares.push_back(own_);
  } else {
    shares.resize(ranks_.size());
    std::iota(shares.begin(), shares.end(), 0U);
  }
  for (const std::uint32_t node_rank : shares) {
    const Entries& entries = entries_[node_rank];
    const std::uint32_t slots = entries.committed();
    for (std::uint32_t slot = 0; slot < slots; ++slot) {
      const std::uint64_t sequence = sequence_of(entries[slot].tag.load(std::memory_order_relaxed));
      const Key candidate{store, ranks_[node_rank], (sequence << 32U) | slot};
      if (const auto found = try_pin(candidate)) {
        release(found->id);
        keys.push_back(candidate);
      } else if (read_record(entries[slot]).store == store && damage(candidate)) {
        keys.push_back(candidate);  // the next operation on it reports the error
      }
    }
  }
  return keys;
}

// An entry may be refilled meanwhile: then its key is dead, and the caller finds nothing.
std::vector<Key> ObjectTable::own_keys(Having what) {
  std::vector<Key> keys;
  std::vector<std::uint32_t> shares = adopted_ranks();
  if (what == Having::lifetime) {
    shares.push_back(own_);
  }
  for (const std::uint32_t node_rank : shares) {
    const Entries& entries = entries_[node_rank];
    const std::uint32_t slots = entries.committed();
    for (std::uint32_t slot = 0; slot < slots; ++slot) {
      Entry& entry = entries[slot];
      const std::uint64_t tag = entry.tag.load(std::memory_order_acquire);
      if (!is_sealed(state_of(tag))) {
        continue;
      }
      const ObjectRecord record = read_record(entry);
      if (what == Having::lifetime
              ? record.has_expiry()
              : entry.generation.load(std::memory_order_acquire) == generation_asked_for) {
        keys.push_back({record.store, ranks_[node_rank], (sequence_of(tag) << 32U) | slot});
      }
    }
  }
  return keys;
}

std::vector<std::uint32_t> ObjectTable::adopted_ranks() {
  const MutexLock lock(mutex_);
  std::vector<std::uint32_t> ranks;
  ranks.reserve(adopted_.size() + 1);
  for (const Adopted& each : adopted_) {
    ranks.push_back(each.node_rank);
  }
  return ranks;
}

[[gnu::hot]] Word64* ObjectTable::generation(const Key& key) const noexcept {
  const Place at = place(key);
  const bool same = at.entry != nullptr &&
                    sequence_of(at.entry->tag.load(std::memory_order_acquire)) == sequence_of(key.serial);
  return same ? &at.entry->generation : nullptr;
}

// The entries are read without the lock: nobody else touches those that the dead process did not hand back.
void ObjectTable::recover(std::uint32_t dead) {
  const MutexLock death(deaths_);
  const std::vector<std::uint32_t> own = entries_[own_].tombstones_of(dead);
  std::vector<std::vector<std::uint32_t>> others;  // in the order of adopted_, which only grows
  was_lost_.resize(ranks_.size());
  was_lost_[dead] = true;
  if (disk_) {
    undo_returns(entries_[own_], dead);
  }
  for (const std::uint32_t node_rank : adopted_ranks()) {
    others.push_back(entries_[node_rank].tombstones_of(dead));
    if (disk_) {
      undo_returns(entries_[node_rank], dead);
    }
  }
  const MutexLock lock(mutex_);
  dead_.recover(dead, own);
  for (std::size_t at = 0; at < others.size(); ++at) {
    adopted_[at].dead.recover(dead, others[at]);
  }
  publish_dead(false);
}

void ObjectTable::drop_pins(std::uint32_t dead) noexcept {
  for (const Entries& entries : entries_) {
    entries.drop_pins(dead);
  }
  notify_memory(segment_->header());
}

// The stack is left as it is: the scan finds its entries, and they are skipped when it is taken.
Result<void> ObjectTable::adopt(std::uint32_t dead, const TakeOver& take_over) {
  const MutexLock death(deaths_);
  for (const std::uint32_t node_rank : adopted_ranks()) {
    if (node_rank == dead) {
      return {};
    }
  }
  if (disk_) {
    settle_moves(entries_[dead]);
  }
  const DeadRankState left = DeadRankState::of(*segment_, entries_[dead], ranks_[dead], own_);
  entries_[dead].give_back_growth(*segment_);
  if (auto done = take_over(left.used); !done) {
    return done;
  }
  LOCUM_KILL_POINT("adopt: memory taken over");

  Adopted adopted{dead, DeadEntries(entries_[dead])};
  adopted.dead.reserve(entries_[dead].committed());
  adopted.dead.adopt(left.tombstones);
  shared_accounts_.count_anew(dead, entries_[dead]);
  const MutexLock lock(mutex_);
  adopted_.push_back(std::move(adopted));  // the last step that may throw: a retry finds nothing done
  occupied_ += left.objects;
  publish_dead(false);
  adopts_.store(true, std::memory_order_relaxed);
  return {};
}

}  // namespace locum::shm
