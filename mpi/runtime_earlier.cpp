#include "mpi/runtime_earlier.hpp"

#include <utility>

namespace locum {

std::shared_ptr<const storage::PartContents> EarlierCheckpoints::last(const std::string& store) {
  const MutexLock lock(mutex_);
  const auto found = last_.find(store);
  return found != last_.end() ? found->second.contents : nullptr;
}

std::uint64_t EarlierCheckpoints::begin() {
  const MutexLock lock(mutex_);
  return ++begun_;
}

void EarlierCheckpoints::remember(const std::string& store, std::uint64_t number,
                                  storage::PartContents contents) {
  auto made = std::make_shared<const storage::PartContents>(std::move(contents));
  const MutexLock lock(mutex_);
  Last& last = last_[store];
  if (last.number < number) {
    last.number = number;
    last.contents.swap(made);  // the one before is freed after the lock
  }
}

}  // namespace locum
