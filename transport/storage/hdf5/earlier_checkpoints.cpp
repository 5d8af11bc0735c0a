#include "transport/storage/hdf5/earlier_checkpoints.hpp"

#include <algorithm>
#include <utility>

#include "transport/storage/file_series.hpp"
#include "transport/storage/hdf5/checkpoint_series.hpp"

namespace locum::storage {

std::shared_ptr<const PartContents> EarlierCheckpoints::last(const std::string& store) {
  const MutexLock lock(mutex_);
  const auto found = last_.find(store);
  return found != last_.end() ? found->second.contents : nullptr;
}

std::uint64_t EarlierCheckpoints::begin() {
  const MutexLock lock(mutex_);
  return ++begun_;
}

void EarlierCheckpoints::remember(const std::string& store, std::uint64_t number, PartContents contents) {
  auto made = std::make_shared<const PartContents>(std::move(contents));
  const MutexLock lock(mutex_);
  Last& last = last_[store];
  if (last.number < number) {
    last.number = number;
    last.contents.swap(made);  // the one before is freed after the lock
  }
}

std::uint64_t EarlierCheckpoints::next_time(const std::string& path) {
  const auto series = series_of(path);
  const std::string name = series ? series->folder + series->before + '*' + series->after : path;
  const MutexLock lock(mutex_);
  const auto [found, is_new] = times_.try_emplace(name, 0);
  if (is_new) {
    found->second = latest_time_of_series(path);
  }
  return found->second = std::max(now_ns(), found->second + 1);
}

}  // namespace locum::storage
