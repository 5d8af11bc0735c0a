#include "core/tier/memory_room.hpp"

#include <algorithm>
#include <limits>
#include <tuple>
#include <unordered_set>

#include "core/node/promised.hpp"
#include "core/object/address.hpp"
#include "core/object/object_record.hpp"
#include "core/ports/memory_monitor.hpp"
#include "core/ports/store_accounts.hpp"

namespace locum {

// What objects leave may be memory of other ranks, which return it soon when they are asked: by tries that do
// not wait themselves. It may also be in pieces, or viewed: so more leave each time.
Result<ObjectDraft> MemoryRoom::create(std::uint64_t size_bytes, const ObjectMeta& meta, WaitBudget budget) {
  constexpr std::uint64_t for_pieces = std::uint64_t{256} << 10U;
  constexpr std::chrono::milliseconds longest_lock{100};
  constexpr std::chrono::milliseconds longest_sleep{10};
  constexpr std::chrono::milliseconds longest{1000};
  constexpr std::chrono::seconds in_vain{5};
  auto draft = front_->create(size_bytes, meta, budget);
  const auto is_full = [&] { return !draft && draft.error().code() == Errc::out_of_memory; };
  if (!is_full() || budget.is_limited() || !can_help(meta.store, size_bytes)) {
    return draft;
  }
  Result<ObjectDraft> refused = draft;
  const auto until = budget.deadline().moment(timeout_);
  // Who has waited in vain does not wait again for some time.
  const auto began = Deadline::Clock::now();
  const auto last_try =
      began < impatient_until_.load(std::memory_order_relaxed) ? began : std::min(until, began + longest);
  const WaitBudget no_wait = WaitBudget::limited(longest_lock, WaitBudget::Work::any).until(until);
  MemoryMonitor* const monitor = front_->capability<MemoryMonitor>();
  std::uint64_t made = 0;
  std::chrono::milliseconds until_more{60};
  for (std::uint64_t wanted = 2 * size_bytes + for_pieces;; wanted *= 2, until_more *= 2) {
    made += make(meta.store, size_bytes, wanted, budget);
    if (made == 0) {
      return refused;
    }
    const auto more = std::min(last_try, Deadline::Clock::now() + until_more);
    for (bool tries = true; tries;) {
      const std::uint32_t armed = monitor != nullptr ? monitor->arm() : 0;
      draft = front_->create(size_bytes, meta, no_wait);
      if (!is_full()) {
        return draft;
      }
      const auto now = Deadline::Clock::now();
      tries = monitor != nullptr && now < more;
      if (tries) {
        monitor->sleep(armed, std::min(more, now + longest_sleep));
      }
    }
    if (const auto now = Deadline::Clock::now(); monitor == nullptr || now >= last_try) {
      impatient_until_.store(now + in_vain, std::memory_order_relaxed);
      return refused;
    }
  }
}

// Not if all that this process does not view would leave in vain.
bool MemoryRoom::can_help(std::uint32_t store, std::uint64_t size_bytes) const {
  if (MemoryMonitor* const monitor = front_->capability<MemoryMonitor>();
      monitor != nullptr && !monitor->viewed(0).leaves(size_bytes)) {
    return false;
  }
  StoreAccounts* const accounts = front_->capability<StoreAccounts>();
  if (accounts == nullptr || !accounts->any()) {
    return true;
  }
  const auto usage = accounts->usage();
  return std::ranges::none_of(usage, [&](const StoreUsage& one) {
    return one.store == store && one.budget != 0 && size_bytes > one.budget;
  });
}

std::uint64_t MemoryRoom::make(std::uint32_t store, std::uint64_t size_bytes, std::uint64_t wanted,
                               WaitBudget budget) {
  std::uint64_t made = 0;
  for (const Candidate& one : candidates(store, size_bytes)) {
    if (made >= wanted) {
      break;
    }
    const auto gone = front_->evict(Address(one.key), budget);
    made += gone && *gone ? std::max<std::uint64_t>(one.size_bytes, 1) : 0;
  }
  return made;
}

// Where a store is at its budget, only its own objects help.
std::vector<MemoryRoom::Candidate> MemoryRoom::candidates(std::uint32_t store,
                                                          std::uint64_t size_bytes) const {
  StoreAccounts* const accounts = front_->capability<StoreAccounts>();
  const bool is_at_budget = accounts != nullptr && accounts->any() && !accounts->has_room(store, size_bytes);
  std::vector<std::uint32_t> stores = is_at_budget ? std::vector<std::uint32_t>() : stores_.all();
  if (std::ranges::find(stores, store) == stores.end()) {
    stores.push_back(store);
  }
  std::unordered_set<Key> viewed;
  if (MemoryMonitor* const monitor = front_->capability<MemoryMonitor>()) {
    for (const ViewedObject& one : monitor->viewed(std::numeric_limits<std::uint32_t>::max()).largest) {
      viewed.insert(one.key);
    }
  }
  std::vector<Candidate> found;
  for (const std::uint32_t each : stores) {
    for (const Key& key : front_->keys_of_node(each)) {
      const auto object = viewed.contains(key) ? Result<ObjectView>(no_such_object())
                                               : front_->get_some(Address(key), Facts(), {});
      if (!object) {
        continue;
      }
      const ObjectFacts facts = object->facts();
      if (facts.whole && !facts.name.empty() && !is_reserved(facts.name)) {
        found.push_back(
            {each != store, facts.generation, facts.size_bytes, name_hash(each, facts.name), key});
      }
    }
  }
  // Looked for after the objects: the record of one that is not written was there before the object was.
  std::unordered_set<std::uint64_t> names;
  for (const UnwrittenName& one : unwritten_.of_node()) {
    names.insert(name_hash(one.store, one.name));
  }
  std::erase_if(found, [&](const Candidate& one) { return names.contains(one.name_hash); });
  std::ranges::sort(found, [](const Candidate& a, const Candidate& b) {
    return std::tie(a.is_of_other_store, a.generation) < std::tie(b.is_of_other_store, b.generation);
  });
  return found;
}

}  // namespace locum
