#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "core/base/mutex.hpp"
#include "core/ports/arena.hpp"
#include "shm/arena/adopted_pages.hpp"
#include "shm/segment/segment.hpp"

namespace locum::shm {

/// The arenas of dead processes that this process has taken over: they are only emptied. Any thread may call.
/// Keeps no record that a death could leave incomplete: the table of objects tells what is used, and the next
/// adopter returns again what was already returned.
class AdoptedArenas {
 public:
  AdoptedArenas(std::shared_ptr<Segment> segment, std::uint32_t own);

  /// See SharedArena::adopt().
  [[nodiscard]] Result<void> adopt(std::uint32_t rank, std::span<const Block> used) LOCUM_EXCLUDES(mutex_);
  /// Whether there are pages that no block uses: give_back_piece() returns them. Pages with unknown blocks
  /// are skipped.
  [[nodiscard]] bool free(const Block& block) noexcept LOCUM_EXCLUDES(mutex_);
  /// Returns some of the pages left by freed blocks; the number of bytes, 0 if there are none.
  [[nodiscard]] std::uint64_t give_back_piece() noexcept LOCUM_EXCLUDES(mutex_);
  /// The pages that contain used blocks.
  [[nodiscard]] std::uint64_t used_bytes() const noexcept {
    return used_bytes_.load(std::memory_order_relaxed);
  }
  /// The pages to be returned.
  [[nodiscard]] std::uint64_t unused_bytes() const noexcept {
    return unused_bytes_.load(std::memory_order_relaxed);
  }

 private:
  void give_back(std::uint64_t begin, std::uint64_t end) noexcept;
  void sum_up() noexcept LOCUM_REQUIRES(mutex_);

  const std::shared_ptr<Segment> segment_;
  const std::uint32_t own_;
  Mutex mutex_;  // of the bookkeeping: not held while memory is returned
  std::vector<std::unique_ptr<AdoptedPages>> arenas_ LOCUM_GUARDED_BY(mutex_);  // by node rank
  std::atomic<std::uint64_t> used_bytes_{0};
  std::atomic<std::uint64_t> unused_bytes_{0};
};

}  // namespace locum::shm
