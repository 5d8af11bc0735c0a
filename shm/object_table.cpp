#include "shm/object_table.hpp"

#include <algorithm>
#include <thread>
#include <utility>

namespace locum::shm {

namespace {

constexpr std::uint32_t absent = ~0U;
constexpr std::uint32_t busy = ~0U;
constexpr std::uint32_t last_sequence = ~0U;
constexpr std::uint64_t smallest_growth = 64 * 1024;
constexpr std::uint64_t largest_growth = 1024 * 1024;
constexpr std::size_t looks_per_call = 4;  ///< at what was pinned before; constant work per object
constexpr std::uint64_t most_entry_bytes = (std::uint64_t{1} << 32U) * sizeof(Entry) - largest_growth;

constexpr std::uint64_t tag_of(std::uint64_t sequence, EntryState state) noexcept {
  return (sequence << 32U) | static_cast<std::uint64_t>(state);
}
constexpr std::uint64_t sequence_of(std::uint64_t word) noexcept {
  return word >> 32U;
}
constexpr EntryState state_of(std::uint64_t word) noexcept {
  return static_cast<EntryState>(word & 0xFFU);
}
constexpr std::uint32_t slot_of(std::uint64_t word) noexcept {
  return static_cast<std::uint32_t>(word);
}

constexpr std::uint64_t bit_of(std::uint32_t slot) noexcept {
  return std::uint64_t{1} << (slot % 64);
}
constexpr std::uint64_t id_of(std::uint32_t node_rank, std::uint32_t slot) noexcept {
  return (std::uint64_t{node_rank} << 32U) | slot;
}

}  // namespace

ObjectTable::ObjectTable(std::shared_ptr<Segment> segment, std::uint32_t own,
                         std::vector<std::uint32_t> ranks)
    : segment_(std::move(segment)), own_(own), ranks_(std::move(ranks)) {
  if (ranks_.size() != segment_->geometry().ranks || own_ >= ranks_.size()) {
    throw Error(Errc::invalid_argument,
                "the node's memory is for " + std::to_string(segment_->geometry().ranks) +
                    " processes, this table was told of " + std::to_string(ranks_.size()) +
                    " and of its own number " + std::to_string(own_));
  }
  node_rank_of_.assign(*std::max_element(ranks_.begin(), ranks_.end()) + std::size_t{1}, absent);
  const Geometry& geometry = segment_->geometry();
  parts_.reserve(ranks_.size());
  counts_.reserve(ranks_.size());
  for (std::uint32_t node_rank = 0; node_rank < ranks_.size(); ++node_rank) {
    node_rank_of_[ranks_[node_rank]] = node_rank;
    parts_.push_back({reinterpret_cast<Entry*>(segment_->base() + geometry.entries_offset(node_rank)),
                      reinterpret_cast<Word64*>(segment_->base() + geometry.pins_offset(node_rank)),
                      &segment_->share(node_rank)});
    counts_.emplace_back(std::min(geometry.arena_bytes, most_entry_bytes) / sizeof(Entry));
  }
}

Entry& ObjectTable::entry(std::uint32_t node_rank, std::uint32_t slot) const noexcept {
  return parts_[node_rank].entries[slot];
}

// One cache line of bits per process for each group of entries, the lines of one group beside each other: a
// reader writes its own line only, and who frees reads neighbours.
Word64& ObjectTable::pin_word(std::uint32_t node_rank, std::uint32_t slot,
                              std::uint32_t reader) const noexcept {
  constexpr std::uint64_t words_per_line = entries_per_pin_line / 64;
  const std::uint64_t line = std::uint64_t{slot / entries_per_pin_line} * ranks_.size() + reader;
  return parts_[node_rank].pins[line * words_per_line + (slot % entries_per_pin_line) / 64];
}

ObjectTable::Place ObjectTable::place(const Key& key) const noexcept {
  if (key.creator >= node_rank_of_.size() || node_rank_of_[key.creator] == absent) {
    return {};
  }
  const std::uint32_t node_rank = node_rank_of_[key.creator];
  const std::uint32_t slot = slot_of(key.serial);
  if (slot >= parts_[node_rank].share->entries.load(std::memory_order_acquire)) {
    return {};
  }
  return {&entry(node_rank, slot), node_rank, slot};
}

Result<Key> ObjectTable::publish(const ObjectRecord& record) {
  std::uint32_t slot = 0;
  {
    const MutexLock lock(mutex_);
    if (!free_slots_.empty()) {
      slot = free_slots_.back();
      free_slots_.pop_back();
    } else {
      if (std::uint64_t{used_slots_} == entry_bytes_ / sizeof(Entry)) {
        if (auto grown = grow(); !grown) {
          return grown.error();
        }
      }
      slot = used_slots_++;
    }
  }
  Entry& fresh = entry(own_, slot);
  const std::uint64_t sequence = sequence_of(fresh.tag.load(std::memory_order_relaxed)) + 1;
  fresh.record = record;
  fresh.generation.store(0, std::memory_order_relaxed);
  fresh.tag.store(tag_of(sequence, EntryState::live), std::memory_order_release);
  return Key{record.store, ranks_[own_], (sequence << 32U) | slot};
}

// Entries first, pins for them next, then the count that lets others look: a reader never touches what is not
// there.
Result<void> ObjectTable::grow() {
  const Geometry& geometry = segment_->geometry();
  const std::uint64_t room = std::min(geometry.arena_bytes, most_entry_bytes) - entry_bytes_;
  const std::uint64_t growth = std::min(std::clamp(entry_bytes_, smallest_growth, largest_growth), room);
  if (growth == 0) {
    return Error(Errc::out_of_memory,
                 "the table of objects has filled its address range; set LOCUM_RESERVE_BYTES higher");
  }
  const std::uint64_t groups = (entry_bytes_ + growth) / sizeof(Entry) / entries_per_pin_line;
  const std::uint64_t line_bytes = entries_per_pin_line / 8;
  const std::uint64_t pin_bytes =
      (groups * ranks_.size() * line_bytes + page_bytes - 1) / page_bytes * page_bytes;
  if (pin_bytes > pin_bytes_) {
    if (auto done = segment_->commit(geometry.pins_offset(own_) + pin_bytes_, pin_bytes - pin_bytes_);
        !done) {
      return done;
    }
    pin_bytes_ = pin_bytes;
  }
  if (auto done = segment_->commit(geometry.entries_offset(own_) + entry_bytes_, growth); !done) {
    return done;
  }
  entry_bytes_ += growth;
  segment_->share(own_).entries.store(static_cast<std::uint32_t>(entry_bytes_ / sizeof(Entry)),
                                      std::memory_order_release);
  return {};
}

Result<Pin> ObjectTable::pin(const Key& key) {
  const Place at = hold(key);
  if (at.entry == nullptr) [[unlikely]] {
    return Error(Errc::not_found, "no such object; it was never put, or it has been evicted");
  }
  return Result<Pin>(std::in_place, id_of(at.node_rank, at.slot), key, &at.entry->record,
                     at.entry->generation.load(std::memory_order_acquire));
}

std::optional<Pin> ObjectTable::try_pin(const Key& key) noexcept {
  const Place at = hold(key);
  if (at.entry == nullptr) {
    return std::nullopt;
  }
  return std::optional<Pin>(std::in_place, id_of(at.node_rank, at.slot), key, &at.entry->record,
                            at.entry->generation.load(std::memory_order_acquire));
}

// The place of a live object, one view of it counted; no entry if there is none.
ObjectTable::Place ObjectTable::hold(const Key& key) noexcept {
  const Place at = place(key);
  const std::uint64_t live = tag_of(sequence_of(key.serial), EntryState::live);
  if (at.entry == nullptr || at.entry->tag.load(std::memory_order_acquire) != live) {
    return {};
  }
  count_view(at);
  // Only now does the look count: whoever changes the tag later will find our bit.
  if (at.entry->tag.load(std::memory_order_seq_cst) != live || at.entry->record.store != key.store) {
    release(id_of(at.node_rank, at.slot));
    return {};
  }
  return at;
}

// One view more of this process, its bit set when it returns.
void ObjectTable::count_view(const Place& at) noexcept {
  Word32& count = counts_[at.node_rank][at.slot];
  std::uint32_t views = count.load(std::memory_order_relaxed);
  for (;;) {
    if (views == busy) {  // another thread of this process is changing the bit
      std::this_thread::yield();
      views = count.load(std::memory_order_relaxed);
    } else if (count.compare_exchange_weak(views, views == 0 ? busy : views + 1, std::memory_order_acquire,
                                           std::memory_order_relaxed)) {
      if (views == 0) {
        pin_word(at.node_rank, at.slot, own_).fetch_or(bit_of(at.slot), std::memory_order_seq_cst);
        count.store(1, std::memory_order_release);
      }
      return;
    }
  }
}

Pin ObjectTable::at(std::uint64_t pin_id) const noexcept {
  const auto node_rank = static_cast<std::uint32_t>(pin_id >> 32U);
  const std::uint32_t slot = slot_of(pin_id);
  const Entry& pinned_entry = entry(node_rank, slot);
  const std::uint64_t sequence = sequence_of(pinned_entry.tag.load(std::memory_order_acquire));
  return Pin{pin_id, Key{pinned_entry.record.store, ranks_[node_rank], (sequence << 32U) | slot},
             &pinned_entry.record, pinned_entry.generation.load(std::memory_order_acquire)};
}

void ObjectTable::retain(std::uint64_t pin_id) noexcept {
  Word32& count = counts_[pin_id >> 32U][slot_of(pin_id)];
  if (count.load(std::memory_order_relaxed) != 0) [[likely]] {  // 0: a view inherited by a forked process
    count.fetch_add(1, std::memory_order_relaxed);
  }
}

void ObjectTable::release(std::uint64_t pin_id) noexcept {
  const auto node_rank = static_cast<std::uint32_t>(pin_id >> 32U);
  const std::uint32_t slot = slot_of(pin_id);
  Word32& count = counts_[node_rank][slot];
  std::uint32_t views = count.load(std::memory_order_relaxed);
  for (;;) {
    if (views == 1) {
      if (count.compare_exchange_weak(views, busy, std::memory_order_acq_rel, std::memory_order_relaxed)) {
        pin_word(node_rank, slot, own_).fetch_and(~bit_of(slot), std::memory_order_release);
        count.store(0, std::memory_order_release);
        return;
      }
    } else if (views == 0) [[unlikely]] {
      return;  // a view inherited by a forked process, which is not its to end
    } else if (count.compare_exchange_weak(views, views - 1, std::memory_order_release,
                                           std::memory_order_relaxed)) {
      return;
    }
  }
}

bool ObjectTable::tombstone(const Key& key) noexcept {
  const Place at = place(key);
  if (at.entry == nullptr) {
    return false;
  }
  const std::uint64_t sequence = sequence_of(key.serial);
  std::uint64_t live = tag_of(sequence, EntryState::live);
  if (!at.entry->tag.compare_exchange_strong(live, tag_of(sequence, EntryState::tombstone),
                                             std::memory_order_seq_cst, std::memory_order_relaxed)) {
    return false;
  }
  Word32& head = parts_[at.node_rank].share->retired;
  const std::atomic_ref<std::uint32_t> link(at.entry->record.link);
  std::uint32_t first = head.load(std::memory_order_relaxed);
  do {
    link.store(first, std::memory_order_relaxed);
  } while (
      !head.compare_exchange_weak(first, at.slot + 1, std::memory_order_release, std::memory_order_relaxed));
  return true;
}

void ObjectTable::take_retired() {
  Word32& head = parts_[own_].share->retired;
  if (head.load(std::memory_order_relaxed) == 0) {
    return;
  }
  std::uint32_t next = head.exchange(0, std::memory_order_acquire);
  const std::size_t most = used_slots_;  // a damaged list must not be followed for ever
  while (next != 0 && next <= used_slots_ && retired_.size() < most) {
    retired_.push_back(next - 1);
    next = std::atomic_ref<std::uint32_t>(entry(own_, next - 1).record.link).load(std::memory_order_relaxed);
  }
}

bool ObjectTable::pinned(std::uint32_t slot) const noexcept {
  for (std::uint32_t reader = 0; reader < ranks_.size(); ++reader) {
    if ((pin_word(own_, slot, reader).load(std::memory_order_seq_cst) & bit_of(slot)) != 0) {
      return true;
    }
  }
  return false;
}

// False while somebody pins it.
bool ObjectTable::reclaim(std::uint32_t slot, std::vector<ObjectRecord>& out) {
  if (pinned(slot)) {
    return false;
  }
  Entry& dead = entry(own_, slot);
  const std::uint64_t tag = dead.tag.load(std::memory_order_relaxed);
  if (state_of(tag) != EntryState::tombstone) {
    return true;  // a damaged stack said so: what is not dead is not ours to free
  }
  out.push_back(dead.record);
  dead.tag.store(tag_of(sequence_of(tag), EntryState::free), std::memory_order_release);
  if (sequence_of(tag) != last_sequence) {
    free_slots_.push_back(slot);
  }
  return true;
}

// What came since the last call is looked at once, what was pinned then again: all of it, or a few in turn.
Pinned ObjectTable::collect(std::vector<ObjectRecord>& out, Effort effort) {
  if (effort == Effort::amortised && parts_[own_].share->retired.load(std::memory_order_relaxed) == 0 &&
      watched_.load(std::memory_order_relaxed) == 0) {
    return {};  // nothing came since, and nothing was pinned then
  }
  const MutexLock lock(mutex_);
  std::size_t looks = retired_.size();
  if (effort == Effort::amortised) {
    looks = std::min(looks, looks_per_call);
  } else {
    next_look_ = 0;
  }
  for (; looks > 0; --looks) {
    next_look_ = next_look_ < retired_.size() ? next_look_ : 0;
    const std::uint32_t slot = retired_[next_look_];
    const std::uint64_t bytes = entry(own_, slot).record.block_bytes();
    if (reclaim(slot, out)) {
      retired_[next_look_] = retired_.back();
      retired_.pop_back();
      --kept_.objects;
      kept_.bytes -= bytes;
    } else {
      ++next_look_;
    }
  }
  const std::size_t known = retired_.size();
  take_retired();
  std::size_t kept = known;
  for (std::size_t fresh = known; fresh < retired_.size(); ++fresh) {
    const std::uint32_t slot = retired_[fresh];
    if (!reclaim(slot, out)) {
      retired_[kept++] = slot;
      ++kept_.objects;
      kept_.bytes += entry(own_, slot).record.block_bytes();
    }
  }
  retired_.resize(kept);
  watched_.store(kept, std::memory_order_relaxed);
  return kept_;
}

std::vector<Key> ObjectTable::owned(std::uint32_t store) {
  std::vector<Key> keys;
  const std::uint32_t slots = segment_->share(own_).entries.load(std::memory_order_acquire);
  for (std::uint32_t slot = 0; slot < slots; ++slot) {
    const std::uint64_t sequence = sequence_of(entry(own_, slot).tag.load(std::memory_order_relaxed));
    const Key candidate{store, ranks_[own_], (sequence << 32U) | slot};
    if (const auto found = try_pin(candidate)) {
      release(found->id);
      keys.push_back(candidate);
    }
  }
  return keys;
}

Word64* ObjectTable::generation(const Key& key) const noexcept {
  const Place at = place(key);
  const bool same = at.entry != nullptr &&
                    sequence_of(at.entry->tag.load(std::memory_order_acquire)) == sequence_of(key.serial);
  return same ? &at.entry->generation : nullptr;
}

}  // namespace locum::shm
