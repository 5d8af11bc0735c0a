#pragma once

#include <atomic>
#include <cstdint>
#include <string_view>
#include <vector>

#include <locum/ports/capability.hpp>
#include <locum/result.hpp>

namespace locum {

/// Memory of a node that the objects of a store take, in bytes of their blocks: includes objects that are
/// evicted but still viewed, and those not yet sealed; excludes copies of objects of other nodes.
struct StoreUsage {
  std::uint32_t store = 0;
  std::uint64_t budget = 0;          ///< 0: none; then the next two are 0
  std::uint64_t node_used = 0;       ///< by all ranks of the node
  std::uint64_t node_highest = 0;    ///< the most that it was
  std::uint64_t own_objects = 0;     ///< sealed objects of this process, including adopted ones; not evicted
  std::uint64_t own_used = 0;        ///< of these, and of those evicted but still viewed
  std::uint64_t own_pinned = 0;      ///< of own_used: evicted objects that are still viewed
  std::uint64_t own_disk_bytes = 0;  ///< of own_used: payloads that are on disk alone, in whole pages
};

/// Budgets of stores: how much of a node's memory the objects of a store may take. The processes of the node
/// count together; the counts of one that dies follow from the objects that it leaves. Any thread may call.
class StoreAccounts : public Capability {
 public:
  /// Returns whether a store of this node has a budget: if not, the other calls need not be made.
  [[nodiscard]] bool any() const noexcept { return budgets_->load(std::memory_order_relaxed) != 0; }
  /// Gives a store a budget; called by each process that makes objects in it, before it does. All give the
  /// same. `out_of_memory` if the node has too many stores with budgets.
  [[nodiscard]] virtual Result<void> set_budget(std::uint32_t store, std::string_view name,
                                                std::uint64_t bytes) = 0;
  /// Counts a new object of this process. `out_of_memory` names the store, its budget and the used bytes;
  /// then nothing is counted. Does not wait.
  [[nodiscard]] virtual Result<void> take(std::uint32_t store, std::uint64_t bytes) = 0;
  /// Counts back an object that was taken and not published. The table itself counts back those that it has
  /// published.
  virtual void give_back(std::uint32_t store, std::uint64_t bytes) noexcept = 0;
  /// Returns whether take() would succeed.
  [[nodiscard]] virtual bool has_room(std::uint32_t store, std::uint64_t bytes) const noexcept = 0;
  /// Returns the usage of each store that has a budget, or of which this process owns objects. Takes a pass
  /// over all objects that it owns.
  [[nodiscard]] virtual std::vector<StoreUsage> usage() = 0;

 protected:
  /// \param budgets number of stores with a budget
  void count_by(const std::atomic<std::uint32_t>& budgets) noexcept { budgets_ = &budgets; }

 private:
  static inline constinit const std::atomic<std::uint32_t> none{0};
  const std::atomic<std::uint32_t>* budgets_ = &none;
};

}  // namespace locum
