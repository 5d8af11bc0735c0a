#include "shm/table/shared_accounts.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "core/base/raise_to.hpp"
#include "core/value/errors.hpp"
#include "shm/death/adopter.hpp"
#include "shm/death/eviction_notice.hpp"
#include "shm/segment/entry_tag.hpp"
#include "shm/segment/futex.hpp"
#include "shm/segment/kill_point.hpp"
#include "shm/table/disk_range.hpp"
#include "shm/table/entry_record.hpp"

namespace locum::shm {

SharedAccounts::SharedAccounts(std::shared_ptr<Segment> segment, std::uint32_t own)
    : segment_(std::move(segment)), own_(own) {
  count_by(segment_->header().budgets);
}

std::uint32_t SharedAccounts::count() const noexcept {
  return std::min(segment_->header().budgets.load(std::memory_order_acquire), most_budgets);
}

// Budgets are not taken away again, so that the first free one is the last.
std::optional<std::uint32_t> SharedAccounts::find(std::uint32_t store) const noexcept {
  const std::uint32_t all = count();
  for (std::uint32_t budget = 0; budget < all; ++budget) {
    if (segment_->budget(budget).store.load(std::memory_order_acquire) == store) {
      return budget;
    }
  }
  return std::nullopt;
}

// The limit is written before the number counts the budget; all processes write the same one.
Result<void> SharedAccounts::set_budget(std::uint32_t store, std::string_view name, std::uint64_t bytes) {
  {
    const MutexLock lock(mutex_);
    names_[store] = name;
  }
  for (std::uint32_t budget = 0; budget < most_budgets; ++budget) {
    Budget& one = segment_->budget(budget);
    std::uint32_t there = 0;
    if (!one.store.compare_exchange_strong(there, store) && there != store) {
      continue;
    }
    LOCUM_KILL_POINT("budget: has a store");
    one.limit_bytes.store(bytes, std::memory_order_release);
    Word32& budgets = segment_->header().budgets;
    std::uint32_t all = budgets.load();
    while (all < budget + 1 && !budgets.compare_exchange_weak(all, budget + 1)) {
    }
    return {};
  }
  return Error(Errc::out_of_memory,
               "at most " + std::to_string(most_budgets) +
                   " stores of a runtime may have had a budget (memory_bytes), those that were "
                   "dropped included; keep stores instead of dropping them, or open fewer with budgets");
}

std::uint64_t SharedAccounts::used(std::uint32_t budget) const noexcept {
  std::uint64_t bytes = 0;
  for (std::uint32_t rank = 0; rank < segment_->geometry().ranks; ++rank) {
    bytes += segment_->counts(rank).used_bytes[budget].load(std::memory_order_seq_cst);
  }
  return bytes;
}

// A limit of 0 is that of a budget whose maker died before it wrote one.
Result<void> SharedAccounts::take(std::uint32_t store, std::uint64_t bytes) {
  const auto budget = find(store);
  if (!budget) {
    return {};
  }
  Budget& of_store = segment_->budget(*budget);
  segment_->counts(own_).used_bytes[*budget].fetch_add(bytes, std::memory_order_seq_cst);
  const std::uint64_t all = used(*budget);
  const std::uint64_t limit = of_store.limit_bytes.load(std::memory_order_acquire);
  if (limit != 0 && all > limit) {
    give_back(store, bytes);
    ask_others();
    return refused(store, *budget, bytes);
  }
  raise_to(of_store.highest_bytes, all);
  return {};
}

bool SharedAccounts::has_room(std::uint32_t store, std::uint64_t bytes) const noexcept {
  const auto budget = find(store);
  if (!budget) {
    return true;
  }
  const std::uint64_t limit = segment_->budget(*budget).limit_bytes.load(std::memory_order_acquire);
  const std::uint64_t all = used(*budget);
  return limit == 0 || (all <= limit && bytes <= limit - all);
}

// Never below 0: what another process wrote there wrongly would otherwise count as nearly all memory.
void SharedAccounts::give_back(std::uint32_t node_rank, std::uint32_t store, std::uint64_t bytes) noexcept {
  if (const auto budget = find(store)) {
    Word64& used = segment_->counts(node_rank).used_bytes[*budget];
    std::uint64_t before = used.load(std::memory_order_relaxed);
    while (!used.compare_exchange_weak(before, before - std::min(before, bytes), std::memory_order_seq_cst)) {
    }
  }
}

// No new entries come meanwhile, and none is freed; a tombstone has its record still.
void SharedAccounts::count_anew(std::uint32_t dead, const Entries& entries) noexcept {
  const std::uint32_t all = count();
  if (all == 0) {
    return;
  }
  std::array<std::uint64_t, most_budgets> used{};
  const std::uint32_t slots = entries.committed();
  for (std::uint32_t slot = 0; slot < slots; ++slot) {
    const Entry& entry = entries[slot];
    const EntryState state = state_of(entry.tag.load(std::memory_order_acquire));
    if ((!is_sealed(state) && state != EntryState::tombstone) ||
        entry.record.check != check_of(entry.record)) {
      continue;
    }
    if (const auto budget = find(entry.record.store)) {
      used[*budget] += entry.record.block_bytes();
    }
  }
  for (std::uint32_t budget = 0; budget < all; ++budget) {
    segment_->counts(dead).used_bytes[budget].store(used[budget], std::memory_order_seq_cst);
  }
  LOCUM_KILL_POINT("adopt: budgets counted");
}

// Those that may have evicted objects to free: what they free is of this store, perhaps. They do not return
// memory for it, which is not what lacks.
void SharedAccounts::ask_others() const noexcept {
  bool any = false;
  for (std::uint32_t rank = 0; rank < segment_->geometry().ranks; ++rank) {
    const std::uint32_t owner = owner_of(*segment_, rank);
    if (owner != own_ && may_have_evicted(*segment_, rank)) {
      if (!std::exchange(any, true)) {
        segment_->header().collect_calls.fetch_add(1);
      }
      Word32& bell = segment_->share(owner).bell;
      bell.fetch_add(1);
      futex_wake_all(bell);
    }
  }
}

Error SharedAccounts::refused(std::uint32_t store, std::uint32_t budget, std::uint64_t bytes) {
  std::string name;
  {
    const MutexLock lock(mutex_);
    const auto known = names_.find(store);
    name = known != names_.end() ? '"' + known->second + '"' : std::to_string(store);
  }
  return over_budget(name, bytes, segment_->budget(budget).limit_bytes.load(), used(budget));
}

std::vector<StoreUsage> SharedAccounts::usage() {
  std::map<std::uint32_t, StoreUsage> stores;
  const std::uint32_t budgets = count();
  for (std::uint32_t budget = 0; budget < budgets; ++budget) {
    const Budget& of_store = segment_->budget(budget);
    const std::uint32_t store = of_store.store.load();
    stores[store] = {.store = store,
                     .budget = of_store.limit_bytes.load(),
                     .node_used = used(budget),
                     .node_highest = of_store.highest_bytes.load()};
  }
  for (std::uint32_t rank = 0; rank < segment_->geometry().ranks; ++rank) {
    if (owner_of(*segment_, rank) == own_) {
      count_entries(Entries(*segment_, rank), stores);
    }
  }
  std::vector<StoreUsage> all;
  all.reserve(stores.size());
  for (const auto& [number, store] : stores) {
    all.push_back(store);
  }
  return all;
}

// An entry that changes meanwhile counts as it was before or after, or not at all.
void SharedAccounts::count_entries(const Entries& entries, std::map<std::uint32_t, StoreUsage>& stores) {
  const std::uint32_t slots = entries.committed();
  for (std::uint32_t slot = 0; slot < slots; ++slot) {
    Entry& entry = entries[slot];
    const std::uint64_t tag = entry.tag.load(std::memory_order_acquire);
    const EntryState state = state_of(tag);
    if (!is_sealed(state) && state != EntryState::tombstone) {
      continue;
    }
    const ObjectRecord record = read_record(entry);
    std::atomic_thread_fence(std::memory_order_acquire);
    if (entry.tag.load(std::memory_order_relaxed) != tag || record.check != check_of(record)) {
      continue;
    }
    StoreUsage& store = stores[record.store];
    store.store = record.store;
    store.own_used += record.block_bytes();
    if (is_sealed(state)) {
      ++store.own_objects;
      const bool is_on_disk = state == EntryState::leaving || state == EntryState::on_disk;
      store.own_disk_bytes += is_on_disk ? disk_range(record).size_bytes : 0;
    } else {
      store.own_pinned += record.block_bytes();
    }
  }
}

}  // namespace locum::shm
