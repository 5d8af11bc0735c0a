// Of ObjectTable: which object leaves memory for the disk next. A clock hand passes over the shares that this
// process answers for, and skips what is pinned, too small, or internal.
#include "core/node/reference.hpp"
#include "core/object/internal_stores.hpp"
#include "shm/segment/entry_tag.hpp"
#include "shm/table/entry_record.hpp"
#include "shm/table/object_table.hpp"

namespace locum::shm {

std::uint64_t ObjectTable::begin_round(DiskHand& hand) {
  std::uint64_t all = entries_[own_].committed();
  hand.shares = adopted_ranks();
  for (const std::uint32_t node_rank : hand.shares) {
    all += entries_[node_rank].committed();
  }
  hand.shares.push_back(own_);
  return all + hand.shares.size();  // the end of each is looked at, too
}

std::optional<Pin> ObjectTable::next_to_leave(DiskHand& hand, std::uint64_t& left_to_look,
                                              std::uint64_t least_bytes) noexcept {
  for (; left_to_look > 0; --left_to_look) {
    hand.share = hand.share < hand.shares.size() ? hand.share : 0;
    const std::uint32_t node_rank = hand.shares[hand.share];
    const Entries& entries = entries_[node_rank];
    if (hand.slot >= entries.committed()) {
      hand.slot = 0;
      ++hand.share;
      continue;
    }
    const std::uint32_t slot = hand.slot++;
    const std::uint64_t tag = entries[slot].tag.load(std::memory_order_acquire);
    const ObjectRecord record = read_record(entries[slot]);
    if (tag != tag_of(sequence_of(tag), EntryState::live) || record.size_bytes < least_bytes ||
        is_internal(record.store) || record.type_hash == reference_type_hash || entries.pinned(slot)) {
      continue;
    }
    const auto pin = try_pin({record.store, ranks_[node_rank], (sequence_of(tag) << 32U) | slot});
    if (pin && !pin->on_disk && entries.block_of(*pin->record)) {
      --left_to_look;
      return pin;
    }
    if (pin) {
      release(pin->id);
    }
  }
  return std::nullopt;
}

}  // namespace locum::shm
