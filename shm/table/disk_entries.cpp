// Of ObjectTable: objects on disk.
//
// 1. `live` → `moving` → `leaving` → `on_disk`: only by the owner, or the adopter, of the share, one object
// at a time, which has pinned it and written it to disk. In `moving` it looks for pins of others, as a
// process that frees does: the tag is changed first, then the bits are checked, so that of the two, it and a
// reader that sets its bit and then checks the tag, one sees the other. If there are any it goes back to
// `live`. In `leaving` nobody reads the payload, and its memory is given back.
// 2. `on_disk` → `returning` → `live`: by any process that has pinned the object. Only that process touches
// the memory of the payload; if it fails it gives that back, and the object is `on_disk` again.
// 3. A pin of an object that is not `live` is one of its record and tail, which are in memory in every state.
// It keeps the object from being freed, and, once it is back, from leaving.
// 4. An object may be tombstoned in every state. Its memory is freed when nobody has pinned it, so not while
// it moves; the owner knows which of its objects ever left (disk_marks_), and takes nothing of their memory
// for granted.
// 5. After a death, `moving` becomes `live` and `leaving` `on_disk` by the adopter of the share, and
// `returning` `on_disk` by the owner of the share: what is in memory then is not used.
#include <algorithm>
#include <bit>
#include <chrono>
#include <utility>

#include "core/node/reference.hpp"
#include "core/object/internal_stores.hpp"
#include "shm/segment/entry_tag.hpp"
#include "shm/segment/futex.hpp"
#include "shm/segment/kill_point.hpp"
#include "shm/table/disk_range.hpp"
#include "shm/table/entry_record.hpp"
#include "shm/table/object_table.hpp"
#include "shm/table/view_count.hpp"

namespace locum::shm {

namespace {

/// A process that dies between changing a state and waking those that wait for it wakes nobody.
constexpr std::chrono::milliseconds between_looks{50};

constexpr std::uint8_t is_stored = 1;  ///< the spill file has bytes of the object
constexpr std::uint8_t has_left = 2;   ///< its memory was given back at least once

// The state is in the lower half of the tag, on which processes sleep that wait for another state. Only the
// system reads it there.
static_assert(std::endian::native == std::endian::little);
Word32& lower_half(Entry& entry) noexcept {
  void* const tag = &entry.tag;
  return *static_cast<Word32*>(tag);
}

bool is_away(EntryState state) noexcept {
  return is_sealed(state) && state != EntryState::live;
}

/// Changes the state of an entry; no effect if the object was tombstoned meanwhile.
void change(Entry& entry, std::uint64_t from, std::uint64_t to) noexcept {
  entry.tag.compare_exchange_strong(from, to, std::memory_order_seq_cst, std::memory_order_relaxed);
}

}  // namespace

void ObjectTable::use_disk(FreedFromDisk freed) {
  freed_from_disk_ = std::move(freed);
  disk_ = true;
}

bool ObjectTable::is_disk_tag(std::uint64_t tag) const noexcept {
  const std::uint64_t by = (tag & 0xFFFFFFFFU) >> 8U;
  const bool names_process = by != 0 && by <= ranks_.size();
  return disk_ && is_away(state_of(tag)) && (by == 0) == (state_of(tag) != EntryState::returning) &&
         (by == 0 || names_process);
}

// As hold(), for an object that is not `live`, or was not a moment ago.
std::optional<Pin> ObjectTable::try_pin_away(const Key& key) noexcept {
  const Place at = disk_ ? place(key) : Place();
  const auto exists = [&](std::uint64_t tag) {
    return sequence_of(tag) == sequence_of(key.serial) &&
           (is_disk_tag(tag) || tag == tag_of(sequence_of(tag), EntryState::live));
  };
  if (at.entry == nullptr || !exists(at.entry->tag.load(std::memory_order_acquire))) {
    return std::nullopt;
  }
  count_view(at);
  const std::uint64_t tag = at.entry->tag.load(std::memory_order_seq_cst);
  const ObjectRecord& record = at.entry->record;
  const std::uint64_t id = (std::uint64_t{at.node_rank} << 32U) | at.slot;
  if (!exists(tag) || record.store != key.store || record.check != check_of(record)) {
    release(id);
    return std::nullopt;
  }
  Pin pin = this->at(id);
  pin.on_disk = is_away(state_of(tag));
  return pin;
}

ObjectTable::Returning ObjectTable::whereabouts(const Pin& pin) const noexcept {
  const std::uint64_t tag = entry_of(pin).tag.load(std::memory_order_seq_cst);
  if (sequence_of(tag) != sequence_of(pin.key.serial) || !is_sealed(state_of(tag))) {
    return Returning::gone;
  }
  return state_of(tag) == EntryState::live ? Returning::is_back : Returning::moves;
}

ObjectTable::Returning ObjectTable::begin_return(const Pin& pin) noexcept {
  const std::uint64_t sequence = sequence_of(pin.key.serial);
  std::uint64_t on_disk = tag_of(sequence, EntryState::on_disk);
  if (entry_of(pin).tag.compare_exchange_strong(on_disk, returning_tag(sequence, own_),
                                                std::memory_order_seq_cst)) {
    LOCUM_KILL_POINT("bring back: begun");
    return Returning::begun;
  }
  return whereabouts(pin);
}

void ObjectTable::end_return(const Pin& pin, bool is_back) noexcept {
  Entry& entry = entry_of(pin);
  const std::uint64_t sequence = sequence_of(pin.key.serial);
  change(entry, returning_tag(sequence, own_),
         tag_of(sequence, is_back ? EntryState::live : EntryState::on_disk));
  LOCUM_KILL_POINT("bring back: shown");
  futex_wake_all(lower_half(entry));
}

void ObjectTable::wait_while_moving(const Pin& pin, Deadline::Clock::time_point until) noexcept {
  Entry& entry = entry_of(pin);
  const std::uint64_t tag = entry.tag.load(std::memory_order_seq_cst);
  if (is_away(state_of(tag)) && state_of(tag) != EntryState::on_disk) {
    futex_wait(lower_half(entry), static_cast<std::uint32_t>(tag),
               std::min(until, Deadline::Clock::now() + between_looks));
  }
}

// Whether nobody but the one view that `pin` is, of this process, has pinned the object.
bool ObjectTable::is_only_pin(const Pin& pin) noexcept {
  const auto node_rank = static_cast<std::uint32_t>(pin.id >> 32U);
  const std::uint32_t slot = slot_of(pin.id);
  for (std::uint32_t reader = 0; reader < ranks_.size(); ++reader) {
    const std::uint64_t bits = entries_[node_rank].pin_word(slot, reader).load(std::memory_order_seq_cst);
    if (reader != own_ && (bits & Entries::bit_of(slot)) != 0) {
      return false;
    }
  }
  return ViewCount(counts_[node_rank][slot]).is_single();
}

std::uint8_t ObjectTable::mark(const Pin& pin, std::uint8_t how) {
  if (pin.id >> 32U != own_) {
    return 0;
  }
  const MutexLock lock(mutex_);
  disk_marks_.resize(std::max<std::size_t>(disk_marks_.size(), slot_of(pin.id) + std::size_t{1}));
  std::uint8_t& marks = disk_marks_[slot_of(pin.id)];
  return std::exchange(marks, static_cast<std::uint8_t>(marks | how));
}

void ObjectTable::note_stored(const Pin& pin) {
  mark(pin, is_stored);
}

ObjectTable::Leaving ObjectTable::begin_leaving(const Pin& pin) {
  Entry& entry = entry_of(pin);
  const std::uint64_t sequence = sequence_of(pin.key.serial);
  std::uint64_t tag = tag_of(sequence, EntryState::live);
  const std::uint64_t moving = tag_of(sequence, EntryState::moving);
  if (!entry.tag.compare_exchange_strong(tag, moving, std::memory_order_seq_cst)) {
    return Leaving::stays;
  }
  LOCUM_KILL_POINT("leave: about to look for pins");
  tag = moving;
  if (!is_only_pin(pin) || !entry.tag.compare_exchange_strong(tag, tag_of(sequence, EntryState::leaving))) {
    change(entry, moving, tag_of(sequence, EntryState::live));
    LOCUM_KILL_POINT("leave: stays");
    futex_wake_all(lower_half(entry));
    return Leaving::stays;
  }
  LOCUM_KILL_POINT("leave: decided");
  return (mark(pin, has_left) & has_left) != 0 ? Leaving::again : Leaving::first;
}

void ObjectTable::end_leaving(const Pin& pin) noexcept {
  Entry& entry = entry_of(pin);
  const std::uint64_t sequence = sequence_of(pin.key.serial);
  change(entry, tag_of(sequence, EntryState::leaving), tag_of(sequence, EntryState::on_disk));
  LOCUM_KILL_POINT("leave: on disk");
  futex_wake_all(lower_half(entry));
}

// Of collect(): `freed` are the slots of the last records in `out`.
void ObjectTable::set_aside(std::vector<ObjectRecord>& out, std::size_t first, bool own) {
  std::size_t kept = first;
  for (std::size_t at = first; at < out.size(); ++at) {
    const std::uint32_t slot = freed_[at - first];
    std::uint8_t marks = out[at].size_bytes >= page_bytes ? is_stored : 0;  // unknown of an adopted object
    if (own) {
      marks = slot < disk_marks_.size() ? std::exchange(disk_marks_[slot], std::uint8_t{0}) : 0;
    }
    if (marks != 0) {
      set_aside_.push_back({out[at], (marks & has_left) != 0});
    }
    if ((marks & has_left) == 0) {
      out[kept++] = out[at];
    }
  }
  out.resize(kept);
}

SpillUsage ObjectTable::on_disk() {
  SpillUsage usage;
  std::vector<std::uint32_t> shares = adopted_ranks();
  shares.push_back(own_);
  std::vector<std::uint8_t> marks;
  {
    const MutexLock lock(mutex_);
    marks = disk_marks_;
  }
  for (const std::uint32_t node_rank : shares) {
    const Entries& entries = entries_[node_rank];
    const std::uint32_t slots = entries.committed();
    for (std::uint32_t slot = 0; slot < slots; ++slot) {
      const EntryState state = state_of(entries[slot].tag.load(std::memory_order_acquire));
      const std::uint64_t bytes = disk_range(read_record(entries[slot])).size_bytes;
      const bool is_here = state == EntryState::live || state == EntryState::returning;
      if (is_sealed(state) && !is_here && state != EntryState::moving) {
        ++usage.objects;
        usage.bytes += bytes;
        usage.overcounted_bytes += node_rank != own_ ? bytes : 0;
      } else if (is_here && node_rank == own_) {
        usage.uncounted_bytes += slot < marks.size() && (marks[slot] & has_left) != 0 ? bytes : 0;
      }
    }
  }
  return usage;
}

// A damaged record names no memory to give back: the object is found damaged in any state.
void ObjectTable::put_on_disk(const Entries& entries, std::uint32_t slot, std::uint64_t tag) noexcept {
  Entry& entry = entries[slot];
  if (!entries.block_of(entry.record)) {
    return;
  }
  const DiskRange range = disk_range(entry.record);
  segment_->give_back(range.offset, range.size_bytes);
  LOCUM_KILL_POINT("recover: an object's memory is given back");
  change(entry, tag, tag_of(sequence_of(tag), EntryState::on_disk));
  futex_wake_all(lower_half(entry));
}

// The pins of the dead process may be gone already: an object that is evicted meanwhile may be freed, and its
// block be another object's. This process frees it under the same lock, so not between the check and the end.
void ObjectTable::undo_returns(const Entries& entries, std::uint32_t dead) noexcept {
  const std::uint32_t slots = entries.committed();
  for (std::uint32_t slot = 0; slot < slots; ++slot) {
    const std::uint64_t tag = entries[slot].tag.load(std::memory_order_acquire);
    if (!returned_by(tag, dead)) {
      continue;
    }
    const MutexLock lock(mutex_);
    if (entries[slot].tag.load(std::memory_order_acquire) == tag) {
      put_on_disk(entries, slot, tag);
    }
  }
}

void ObjectTable::settle_moves(const Entries& entries) noexcept {
  const std::uint32_t slots = entries.committed();
  for (std::uint32_t slot = 0; slot < slots; ++slot) {
    const std::uint64_t tag = entries[slot].tag.load(std::memory_order_acquire);
    if (state_of(tag) == EntryState::moving) {
      change(entries[slot], tag, tag_of(sequence_of(tag), EntryState::live));
      LOCUM_KILL_POINT("adopt: an object stays");
      futex_wake_all(lower_half(entries[slot]));
    } else if (state_of(tag) == EntryState::leaving) {
      put_on_disk(entries, slot, tag);
    }
  }
  for (std::uint32_t rank = 0; rank < was_lost_.size(); ++rank) {
    if (was_lost_[rank]) {
      undo_returns(entries, rank);
    }
  }
}

}  // namespace locum::shm
