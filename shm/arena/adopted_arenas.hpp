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
/// Nothing that a death could leave half done is recorded: what is used is told by the table of objects, and
/// whoever takes over next gives back again what was given back already.
class AdoptedArenas {
 public:
  AdoptedArenas(std::shared_ptr<Segment> segment, std::uint32_t own);

  /// See SharedArena::adopt().
  [[nodiscard]] Result<void> adopt(std::uint32_t rank, std::span<const Block> used) LOCUM_EXCLUDES(mutex_);
  /// Whether pages are left that no other block lies in: give_back_piece() gives them back. What is not known
  /// to be used is passed over.
  [[nodiscard]] bool free(const Block& block) noexcept LOCUM_EXCLUDES(mutex_);
  /// Gives back some of the pages that freed blocks have left; how many bytes, 0 if there are none.
  [[nodiscard]] std::uint64_t give_back_piece() noexcept LOCUM_EXCLUDES(mutex_);
  /// The pages in which used blocks lie.
  [[nodiscard]] std::uint64_t used_bytes() const noexcept {
    return used_bytes_.load(std::memory_order_relaxed);
  }
  /// The pages that are to be given back.
  [[nodiscard]] std::uint64_t unused_bytes() const noexcept {
    return unused_bytes_.load(std::memory_order_relaxed);
  }

 private:
  void give_back(std::uint64_t begin, std::uint64_t end) noexcept;
  void sum_up() noexcept LOCUM_REQUIRES(mutex_);

  const std::shared_ptr<Segment> segment_;
  const std::uint32_t own_;
  Mutex mutex_;  // of the books: nothing is given back under it
  std::vector<std::unique_ptr<AdoptedPages>> arenas_ LOCUM_GUARDED_BY(mutex_);  // by node rank
  std::atomic<std::uint64_t> used_bytes_{0};
  std::atomic<std::uint64_t> unused_bytes_{0};
};

}  // namespace locum::shm
