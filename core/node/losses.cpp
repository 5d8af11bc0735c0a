#include "core/node/losses.hpp"

#include <algorithm>
#include <utility>

namespace locum {

Losses::Losses(std::uint32_t most) {
  losses_.reserve(most);
}

std::vector<Loss> Losses::all() const {
  const MutexLock lock(mutex_);
  return losses_;
}

bool Losses::any() const noexcept {
  const MutexLock lock(mutex_);
  return !losses_.empty();
}

void Losses::note(const Loss& loss) noexcept {
  const MutexLock lock(mutex_);
  const auto at = std::lower_bound(losses_.begin(), losses_.end(), loss.rank,
                                   [](const Loss& known, std::uint32_t rank) { return known.rank < rank; });
  if (at != losses_.end() && at->rank == loss.rank) {
    *at = loss;
  } else {
    losses_.insert(at, loss);
  }
}

void Losses::when_adopted(std::function<void()> then) {
  const MutexLock lock(mutex_);
  when_adopted_.swap(then);
}

void Losses::adopted() {
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
