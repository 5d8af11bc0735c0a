#include "core/tier/tier_stores.hpp"

namespace locum {

void TierStores::know(std::uint32_t store, std::string_view name) const {
  const MutexLock lock(mutex_);
  known_.try_emplace(store, Known{std::string(name), std::nullopt});
}

// The backend is asked without the lock.
Result<std::uint32_t> TierStores::in_back(std::uint32_t store) const {
  if (!open_) {
    return store;
  }
  std::string name;
  {
    const MutexLock lock(mutex_);
    const auto found = known_.find(store);
    if (found == known_.end()) {
      return no_such_object();
    }
    if (found->second.in_back) {
      return *found->second.in_back;
    }
    name = found->second.name;
  }
  auto number = open_(name);
  if (number) {
    const MutexLock lock(mutex_);
    if (const auto found = known_.find(store); found != known_.end()) {
      found->second.in_back = *number;
    }
  }
  return number;
}

std::string TierStores::name_of(std::uint32_t store) const {
  const MutexLock lock(mutex_);
  const auto found = known_.find(store);
  return found == known_.end() ? std::string() : found->second.name;
}

std::vector<std::uint32_t> TierStores::all() const {
  std::vector<std::uint32_t> numbers;
  const MutexLock lock(mutex_);
  numbers.reserve(known_.size());
  for (const auto& [number, known] : known_) {
    numbers.push_back(number);
  }
  return numbers;
}

void TierStores::forget(std::uint32_t store) {
  const MutexLock lock(mutex_);
  known_.erase(store);
}

}  // namespace locum
