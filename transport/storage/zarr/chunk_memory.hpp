#pragma once

#include <array>
#include <memory>
#include <utility>
#include <vector>

#include "core/base/mutex.hpp"
#include "transport/storage/codecs/reused_bytes.hpp"

namespace locum::storage {

/// What a thread needs to code one chunk after another.
struct ChunkMemory {
  ReusedBytes plain;                 ///< elements of a chunk
  ReusedBytes words;                 ///< the same as the chunk has them, if they are others in memory
  std::array<ReusedBytes, 2> coded;  ///< what codecs that follow each other make
};

/// The memory of the threads of one call. Any thread.
class ChunkMemories {
 public:
  /// Calls `call` with memory that no other thread uses meanwhile.
  template <class Call>
  auto with_one(Call call) -> decltype(call(std::declval<ChunkMemory&>())) {
    std::unique_ptr<ChunkMemory> memory = taken();
    auto done = call(*memory);
    const MutexLock lock(mutex_);
    free_.push_back(std::move(memory));
    return done;
  }

 private:
  [[nodiscard]] std::unique_ptr<ChunkMemory> taken() LOCUM_EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    if (free_.empty()) {
      return std::make_unique<ChunkMemory>();
    }
    auto last = std::move(free_.back());
    free_.pop_back();
    return last;
  }

  Mutex mutex_;
  std::vector<std::unique_ptr<ChunkMemory>> free_ LOCUM_GUARDED_BY(mutex_);
};

}  // namespace locum::storage
