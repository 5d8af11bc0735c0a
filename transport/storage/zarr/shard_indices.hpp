#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/base/mutex.hpp"

namespace locum::storage {

/// Where a chunk is in its shard, or in a file of its own.
struct ChunkPlace {
  /// Says in the index of a shard that a chunk was never written.
  static constexpr std::uint64_t no_chunk = std::numeric_limits<std::uint64_t>::max();

  std::uint64_t offset = no_chunk;
  std::uint64_t bytes = no_chunk;

  [[nodiscard]] bool is_none() const noexcept { return offset == no_chunk && bytes == no_chunk; }
};

/// Indices of the shards that were read last, so that one more element takes one read of its file. Those of
/// files that have changed since are not found. Any thread.
class ShardIndices {
 public:
  using Index = std::shared_ptr<const std::vector<ChunkPlace>>;

  /// \param most_bytes of all indices that are kept; those that were not read for longest are dropped
  explicit ShardIndices(std::size_t most_bytes) noexcept : most_bytes_(most_bytes) {}

  /// Returns the index of a file; null: it is not kept. \param identity of its content (AreaFacts)
  [[nodiscard]] Index find(const std::string& path, std::string_view identity) LOCUM_EXCLUDES(mutex_);
  /// Keeps an index, in place of an earlier one of that file; drops one that is larger than all may be.
  void keep(const std::string& path, std::string_view identity, Index index) LOCUM_EXCLUDES(mutex_);

 private:
  struct Kept {
    std::string path;
    std::string identity;
    Index index;
  };
  using Place = std::list<Kept>::iterator;

  [[nodiscard]] static std::size_t bytes_of(const Kept& kept) noexcept;
  void drop(Place kept) LOCUM_REQUIRES(mutex_);

  const std::size_t most_bytes_;
  Mutex mutex_;
  std::list<Kept> last_first_ LOCUM_GUARDED_BY(mutex_);
  std::unordered_map<std::string_view, Place> by_path_ LOCUM_GUARDED_BY(mutex_);  ///< texts of the list
  std::size_t bytes_ LOCUM_GUARDED_BY(mutex_) = 0;
};

}  // namespace locum::storage
