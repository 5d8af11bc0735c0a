#include "core/node/dead_ranks.hpp"

#include <algorithm>

namespace locum {

DeadRanks::DeadRanks(std::uint32_t most) {
  dead_.reserve(most);
}

std::vector<DeadRank> DeadRanks::all() const {
  const MutexLock lock(mutex_);
  return dead_;
}

bool DeadRanks::any() const noexcept {
  const MutexLock lock(mutex_);
  return !dead_.empty();
}

void DeadRanks::note(const DeadRank& loss) noexcept {
  const MutexLock lock(mutex_);
  const auto at =
      std::lower_bound(dead_.begin(), dead_.end(), loss.rank,
                       [](const DeadRank& known, std::uint32_t rank) { return known.rank < rank; });
  if (at != dead_.end() && at->rank == loss.rank) {
    *at = loss;
  } else {
    dead_.insert(at, loss);
  }
}

void DeadRanks::when_adopted(std::function<void()> then) {
  const MutexLock lock(mutex_);
  when_adopted_.swap(then);
}

void DeadRanks::adopted() {
  std::function<void()> then;
  {
    const MutexLock lock(mutex_);
    then = when_adopted_;
  }
  if (then) {
    then();
  }
}

}  // namespace locum
