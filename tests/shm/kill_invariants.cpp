#include "tests/shm/kill_invariants.hpp"

#include <linux/futex.h>
#include <unistd.h>

#include <algorithm>

#include "shm/segment/entry_tag.hpp"

namespace locum::tests {
namespace {

using shm::Entry;
using shm::EntryState;
using shm::Geometry;
using shm::Record;
using shm::Shard;
using shm::Share;
using shm::Word32;

/// The tables, restricted to atomic words: other processes write meanwhile.
class Tables {
 public:
  Tables(const std::byte* base, const Geometry& geometry, const std::vector<std::uint32_t>& ranks)
      : base_(base), geometry_(geometry), ranks_(ranks) {}

  [[nodiscard]] std::string nameless_tombstone() const {
    for (std::uint32_t rank = 0; rank < geometry_.ranks; ++rank) {
      for (std::uint32_t slot = 0; slot < entries_of(rank); ++slot) {
        const std::uint64_t tag = entry(rank, slot).tag.load();
        const std::uint64_t by = tag >> 8U & shm::most_ranks;
        if (shm::state_of(tag) == EntryState::tombstone && (by == 0 || by > geometry_.ranks)) {
          return "the tombstone of entry " + std::to_string(slot) + " of rank " + std::to_string(rank) +
                 " names no process";
        }
      }
    }
    return {};
  }
  [[nodiscard]] std::string bound_outside_chains() const {
    for (std::uint32_t index = 0; index < shm::shard_count; ++index) {
      const Shard& shard = at<Shard>(geometry_.shards_offset())[index];
      if (!held(shard) || shard.sequence.load() % 2 != 0) {
        continue;
      }
      const auto* const records = at<Record>(geometry_.records_offset(index));
      const std::vector<bool> chained = chained_records(shard, index);
      for (std::uint32_t record = 0; record < chained.size(); ++record) {
        if (!chained[record] && bound(records[record])) {
          return "record " + std::to_string(record) + " of shard " + std::to_string(index) +
                 " is in no chain, though its object is bound";
        }
      }
    }
    return {};
  }

 private:
  template <class T>
  [[nodiscard]] const T* at(std::uint64_t offset) const {
    return reinterpret_cast<const T*>(base_ + offset);
  }
  [[nodiscard]] std::uint32_t entries_of(std::uint32_t rank) const {
    return static_cast<std::uint32_t>(at<Share>(geometry_.shares_offset())[rank].entries.load());
  }
  [[nodiscard]] const Entry& entry(std::uint32_t rank, std::uint32_t slot) const {
    return at<Entry>(geometry_.entries_offset(rank))[slot];
  }
  [[nodiscard]] static bool held(const Shard& shard) {
    const auto word =
        static_cast<std::uint32_t>(__atomic_load_n(&shard.lock.__data.__lock, __ATOMIC_RELAXED));
    return (word & FUTEX_TID_MASK) == static_cast<std::uint32_t>(::gettid());
  }
  /// For each record that was ever committed: whether it is in a chain.
  [[nodiscard]] std::vector<bool> chained_records(const Shard& shard, std::uint32_t index) const {
    const auto* const records = at<Record>(geometry_.records_offset(index));
    const auto* const heads = at<Word32>(geometry_.buckets_offset(index));
    std::vector<bool> chained(shard.records.load());
    for (std::uint32_t bucket = 0; bucket < shard.buckets.load(); ++bucket) {
      std::uint32_t next = heads[bucket].load();
      while (next != 0 && next <= chained.size() && !chained[next - 1]) {
        chained[next - 1] = true;
        next = records[next - 1].next.load();
      }
    }
    return chained;
  }
  // Whether a look-up would accept the record.
  [[nodiscard]] bool bound(const Record& record) const {
    const auto creator = std::ranges::find(ranks_, record.creator.load());
    const std::uint64_t serial = record.object.load();
    const auto rank = static_cast<std::uint32_t>(creator - ranks_.begin());
    if (record.hash.load() == 0 || creator == ranks_.end() || shm::slot_of(serial) >= entries_of(rank)) {
      return false;
    }
    const Entry& object = entry(rank, shm::slot_of(serial));
    const std::uint64_t tag = object.tag.load();
    return shm::sequence_of(tag) == shm::sequence_of(serial) && shm::is_sealed(shm::state_of(tag)) &&
           object.generation.load() != 0;
  }

  const std::byte* base_;
  const Geometry& geometry_;
  const std::vector<std::uint32_t>& ranks_;
};

}  // namespace

std::string broken_invariant(const std::byte* base, const Geometry& geometry,
                             const std::vector<std::uint32_t>& ranks) {
  const Tables tables(base, geometry, ranks);
  std::string wrong = tables.nameless_tombstone();
  return wrong.empty() ? tables.bound_outside_chains() : wrong;
}

}  // namespace locum::tests
