#include "shm/table/dead_entries.hpp"

#include <algorithm>
#include <atomic>

#include "shm/segment/entry_tag.hpp"
#include "shm/segment/kill_point.hpp"

namespace locum::shm {

void DeadEntries::reserve(std::size_t slots) {
  slots_.reserve(slots);
  known_.resize(std::max(slots, known_.size()));
}

void DeadEntries::adopt(std::span<const std::uint32_t> tombstones) noexcept {
  for (const std::uint32_t slot : tombstones) {
    keep(slot);
  }
}

// An entry that was handed back nevertheless is on the stack, too: collect() takes the stack before it frees
// the new ones. A
// slot that was returned and used again may be another tombstone by now, held by a live process.
void DeadEntries::recover(std::uint32_t dead, std::span<const std::uint32_t> slots) noexcept {
  for (const std::uint32_t slot : slots) {
    if (tombstoned_by(entries_[slot].tag.load(std::memory_order_acquire), dead)) {
      keep(slot);
    }
  }
}

// A slot may be seen twice: the adopter of the share found it before its tombstoner had pushed it, or
// something wrote into the stack. A known one is recorded once; one freed meanwhile is no tombstone when it
// is checked. A slot outside the bookkeeping was never committed: something wrote into the count of the
// committed slots.
void DeadEntries::keep(std::uint32_t slot) noexcept {
  if (slot < known_.size() && !known_[slot]) {
    slots_.push_back(slot);
    known_[slot] = true;
  }
}

void DeadEntries::take_retired() noexcept {
  Word32& head = entries_.share().retired;
  if (head.load(std::memory_order_relaxed) == 0) {
    return;
  }
  std::uint32_t next = head.exchange(0, std::memory_order_acq_rel);
  LOCUM_KILL_POINT("collect: stack taken");
  const std::uint32_t most = entries_.committed();  // bounds following a damaged stack
  for (std::uint32_t steps = 0; next != 0 && next <= most && steps < most; ++steps) {
    keep(next - 1);
    next = std::atomic_ref<std::uint32_t>(entries_[next - 1].record.link).load(std::memory_order_relaxed);
  }
}

// False while it is pinned. The load of the tag is one of the four sequentially consistent accesses: for an
// entry found by a scan nothing else orders the tombstone before the check of the pins.
bool DeadEntries::reclaim(std::uint32_t slot, std::vector<ObjectRecord>& out,
                          std::vector<std::uint32_t>& freed) noexcept {
  Entry& dead = entries_[slot];
  const std::uint64_t tag = dead.tag.load(std::memory_order_seq_cst);
  const bool tombstone = state_of(tag) == EntryState::tombstone;
  if (tombstone && entries_.pinned(slot)) {
    return false;
  }
  known_[slot] = false;
  // An entry that is not dead must not be freed, whatever the stack said; and the block of a damaged record
  // is unknown: it stays allocated, and its slot is abandoned.
  if (tombstone && dead.record.check == check_of(dead.record)) {
    out.push_back(dead.record);
    dead.tag.store(tag_of(sequence_of(tag), EntryState::free), std::memory_order_release);
    LOCUM_KILL_POINT("collect: entry freed");
    freed.push_back(slot);
  }
  return true;
}

// Each removed one is replaced by the last of its part, and that by the last of all.
void DeadEntries::take_off(std::size_t at) noexcept {
  if (at < looked_at_) {
    slots_[at] = slots_[--looked_at_];
    at = looked_at_;
  }
  slots_[at] = slots_.back();
  slots_.pop_back();
}

void DeadEntries::collect(std::vector<ObjectRecord>& out, std::vector<std::uint32_t>& freed,
                          Effort effort) noexcept {
  std::size_t looks = looked_at_;
  if (effort == Effort::amortised) {
    looks = std::min(looks, looks_per_call);
  } else {
    next_look_ = 0;
  }
  for (; looks > 0; --looks) {
    next_look_ = next_look_ < looked_at_ ? next_look_ : 0;
    const std::uint32_t slot = slots_[next_look_];
    const std::uint64_t bytes = entries_[slot].record.block_bytes();
    if (reclaim(slot, out, freed)) {
      take_off(next_look_);
      --pinned_.objects;
      pinned_.bytes -= bytes;
    } else {
      ++next_look_;
    }
  }
  take_retired();
  while (looked_at_ < slots_.size()) {
    const std::uint32_t slot = slots_[looked_at_];
    if (reclaim(slot, out, freed)) {
      take_off(looked_at_);
    } else {
      ++looked_at_;
      ++pinned_.objects;
      pinned_.bytes += entries_[slot].record.block_bytes();
    }
  }
}

}  // namespace locum::shm
