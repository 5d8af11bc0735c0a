#include "shm/table/dead_rank_state.hpp"

#include "core/value/key.hpp"
#include "shm/names/directory_shard.hpp"
#include "shm/segment/entry_tag.hpp"
#include "shm/segment/kill_point.hpp"

namespace locum::shm {

namespace {

// Whether the object's maker died before it could bind it. A process that inherited the lock of a shard may
// be binding it now: then the shard's intent says so. The intent is cleared after the generation is set, so
// that at least one of the two shows it; the next writer's intent names no object of a dead process. A
// damaged record shows nothing.
bool never_bound(Segment& segment, const Entry& entry, const Key& key) noexcept {
  const auto unbound = [&] { return entry.generation.load(std::memory_order_acquire) == 0; };
  return entry.record.name_bytes != 0 && entry.record.check == check_of(entry.record) && unbound() &&
         !DirectoryShard(segment, shard_index(entry.record.name_hash)).is_to_bind(key) && unbound();
}

}  // namespace

DeadRankState DeadRankState::of(Segment& segment, const Entries& entries, std::uint32_t creator,
                                std::uint32_t adopter) {
  DeadRankState dead;
  const std::uint32_t slots = entries.committed();
  for (std::uint32_t slot = 0; slot < slots; ++slot) {
    Entry& each = entries[slot];
    std::uint64_t tag = each.tag.load(std::memory_order_acquire);
    const Key key{each.record.store, creator, (sequence_of(tag) << 32U) | slot};
    if (is_sealed(state_of(tag)) && never_bound(segment, each, key)) {
      // Another process with the key may be first: it then has to hand the entry back.
      if (each.tag.compare_exchange_strong(tag, tombstone_tag(sequence_of(tag), adopter),
                                           std::memory_order_seq_cst, std::memory_order_acquire)) {
        LOCUM_KILL_POINT("adopt: tombstoned what has no name");
        tag = tombstone_tag(sequence_of(tag), adopter);
      }
    }
    if (state_of(tag) == EntryState::tombstone) {
      dead.tombstones.push_back(slot);
    } else if (!is_sealed(state_of(tag))) {
      continue;
    }
    ++dead.objects;
    if (const auto block = entries.block_of(each.record)) {
      dead.used.push_back(*block);
    }
  }
  return dead;
}

}  // namespace locum::shm
