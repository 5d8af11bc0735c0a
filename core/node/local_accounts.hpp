#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/mutex.hpp"
#include "core/ports/store_accounts.hpp"
#include "core/value/errors.hpp"

namespace locum {

/// The budgets of stores of one process. Shared by a `local` connector and its objects, which may outlive it.
/// Any thread may call.
class LocalAccounts final : public StoreAccounts {
 public:
  LocalAccounts() noexcept { count_by(count_); }

  [[nodiscard]] Result<void> set_budget(std::uint32_t store, std::string_view name,
                                        std::uint64_t bytes) override LOCUM_EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    auto& one = stores_[store];
    one.name = name;
    one.usage.store = store;
    one.usage.budget = bytes;
    count_.store(static_cast<std::uint32_t>(stores_.size()), std::memory_order_relaxed);
    return {};
  }
  [[nodiscard]] Result<void> take(std::uint32_t store, std::uint64_t bytes) override LOCUM_EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    const auto found = stores_.find(store);
    if (found == stores_.end()) {
      return {};
    }
    StoreUsage& usage = found->second.usage;
    if (bytes > usage.budget - std::min(usage.budget, usage.node_used)) {
      return over_budget('"' + found->second.name + '"', bytes, usage.budget, usage.node_used);
    }
    usage.node_used += bytes;
    usage.node_highest = std::max(usage.node_highest, usage.node_used);
    return {};
  }
  void give_back(std::uint32_t store, std::uint64_t bytes) noexcept override LOCUM_EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    if (const auto found = stores_.find(store); found != stores_.end()) {
      found->second.usage.node_used -= std::min(found->second.usage.node_used, bytes);
    }
  }
  [[nodiscard]] bool has_room(std::uint32_t store, std::uint64_t bytes) const noexcept override
      LOCUM_EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    const auto found = stores_.find(store);
    return found == stores_.end() ||
           bytes <= found->second.usage.budget -
                        std::min(found->second.usage.budget, found->second.usage.node_used);
  }
  /// Of stores with a budget only.
  [[nodiscard]] std::vector<StoreUsage> usage() override LOCUM_EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    std::vector<StoreUsage> all;
    for (const auto& [number, one] : stores_) {
      all.push_back(one.usage);
      all.back().own_used = one.usage.node_used;
    }
    return all;
  }

 private:
  struct Store {
    std::string name;
    StoreUsage usage;
  };

  std::atomic<std::uint32_t> count_{0};
  mutable Mutex mutex_;
  std::map<std::uint32_t, Store> stores_ LOCUM_GUARDED_BY(mutex_);
};

}  // namespace locum
