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

// What was handed back after all stands on the stack, too: collect() takes that before it frees what is
// fresh. A slot that came back and was used again may be another tombstone by now, in the hand of a living
// process.
void DeadEntries::recover(std::uint32_t dead, std::span<const std::uint32_t> slots) noexcept {
  for (const std::uint32_t slot : slots) {
    if (tombstoned_by(entries_[slot].tag.load(std::memory_order_acquire), dead)) {
      keep(slot);
    }
  }
}

// A slot may come twice: who adopted the share found it before its tombstoner had pushed it, or something
// wrote into the stack. Known, it is known once; freed meanwhile, it is no tombstone when it is looked at.
// What is in nobody's books was never committed: something wrote into the count of the slots that are.
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
  std::uint32_t next = head.exchange(0, std::memory_order_acquire);
  LOCUM_KILL_POINT("collect: stack taken");
  const std::uint32_t most = entries_.committed();  // a damaged stack must not be followed for ever
  for (std::uint32_t steps = 0; next != 0 && next <= most && steps < most; ++steps) {
    keep(next - 1);
    next = std::atomic_ref<std::uint32_t>(entries_[next - 1].record.link).load(std::memory_order_relaxed);
  }
}

// False while somebody pins it. The look at the tag is one of the four that are sequentially consistent: who
// found the entry by a scan has nothing else that puts the tombstone before the look at the pins.
bool DeadEntries::reclaim(std::uint32_t slot, std::vector<ObjectRecord>& out,
                          std::vector<std::uint32_t>& freed) noexcept {
  Entry& dead = entries_[slot];
  const std::uint64_t tag = dead.tag.load(std::memory_order_seq_cst);
  const bool tombstone = state_of(tag) == EntryState::tombstone;
  if (tombstone && entries_.pinned(slot)) {
    return false;
  }
  known_[slot] = false;
  // What is not dead is not ours to free, whatever the stack said; and whose block a damaged record means
  // nobody knows any more: that stays taken, and its slot is given up.
  if (tombstone && dead.record.check == check_of(dead.record)) {
    out.push_back(dead.record);
    dead.tag.store(tag_of(sequence_of(tag), EntryState::free), std::memory_order_release);
    LOCUM_KILL_POINT("collect: entry freed");
    freed.push_back(slot);
  }
  return true;
}

// The last one of its part comes into its place, and the last one of all into that one's.
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
