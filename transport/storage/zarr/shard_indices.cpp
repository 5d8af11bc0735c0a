#include "transport/storage/zarr/shard_indices.hpp"

#include <iterator>
#include <utility>

namespace locum::storage {

std::size_t ShardIndices::bytes_of(const Kept& kept) noexcept {
  constexpr std::size_t of_the_entry = 256;
  return kept.index->size() * sizeof(ChunkPlace) + kept.path.size() + kept.identity.size() + of_the_entry;
}

void ShardIndices::drop(Place kept) {
  bytes_ -= bytes_of(*kept);
  by_path_.erase(kept->path);
  last_first_.erase(kept);
}

ShardIndices::Index ShardIndices::find(const std::string& path, std::string_view identity) {
  const MutexLock lock(mutex_);
  const auto found = by_path_.find(path);
  if (found == by_path_.end()) {
    return nullptr;
  }
  const Place kept = found->second;
  if (kept->identity != identity) {
    drop(kept);
    return nullptr;
  }
  last_first_.splice(last_first_.begin(), last_first_, kept);
  return kept->index;
}

void ShardIndices::keep(const std::string& path, std::string_view identity, Index index) {
  Kept kept{path, std::string(identity), std::move(index)};
  const std::size_t bytes = bytes_of(kept);
  const MutexLock lock(mutex_);
  if (const auto earlier = by_path_.find(path); earlier != by_path_.end()) {
    drop(earlier->second);
  }
  if (bytes > most_bytes_) {
    return;
  }
  while (bytes_ > most_bytes_ - bytes) {
    drop(std::prev(last_first_.end()));
  }
  last_first_.push_front(std::move(kept));
  by_path_.emplace(last_first_.front().path, last_first_.begin());
  bytes_ += bytes;
}

}  // namespace locum::storage
