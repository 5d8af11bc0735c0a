#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "core/arena.hpp"
#include "core/mutex.hpp"
#include "shm/adopted_pages.hpp"
#include "shm/page_runs.hpp"
#include "shm/preparer.hpp"
#include "shm/segment.hpp"
#include "shm/slabs.hpp"

namespace locum::shm {

/// One rank's part of the node's memory. Small blocks come from slabs, one size each; large ones are runs of
/// pages, best fit. The arena commits at its end what it lacks, and no more than that while somebody waits; a
/// background thread keeps `prepare_bytes` more committed and touched behind it, once the first block was
/// asked for, while the node has used less than three quarters of its memory. Any thread of the owning
/// process may call; no lock and no book is shared with other processes.
class SharedArena final : public Arena {
 public:
  /// `step_bytes` is a power of two, at least a page; both sizes are rounded to pages. With prepare_bytes = 0
  /// nothing is prepared.
  SharedArena(std::shared_ptr<Segment> segment, std::uint32_t rank, std::uint64_t step_bytes,
              std::uint64_t prepare_bytes);
  ~SharedArena() override;

  [[nodiscard]] Result<Block> allocate(std::uint64_t size_bytes, std::uint64_t alignment = 16) override;
  void free(const Block& block) noexcept override LOCUM_EXCLUDES(adopting_);
  [[nodiscard]] std::byte* data(std::uint64_t offset) const noexcept override;
  [[nodiscard]] bool contains(std::uint64_t offset, std::uint64_t size_bytes) const noexcept override;
  [[nodiscard]] ArenaUsage usage() const override;

  /// Takes over the arena of a dead process of the node, to empty it: all of its memory but what the blocks
  /// `used` lie in is given back to the system before this returns, and that of each of them when it is
  /// freed. Nothing is allocated there. `used` is what live and still pinned objects of the dead process
  /// name; blocks that cannot be are passed over. May be called again, also by another process after this one
  /// has died: nothing that a death could leave half done is recorded. Errors change nothing.
  [[nodiscard]] Result<void> adopt(std::uint32_t rank, std::span<const Block> used) LOCUM_EXCLUDES(adopting_);

  /// Bytes that the background thread has committed so far: for tests and reports.
  [[nodiscard]] std::uint64_t prepared_bytes() const noexcept {
    return prepared_bytes_.load(std::memory_order_acquire);
  }

 private:
  struct Request;
  [[nodiscard]] std::optional<std::uint64_t> from_books(const Request& request) LOCUM_REQUIRES(mutex_);
  [[nodiscard]] std::uint64_t cut(const Request& request, std::uint64_t first_page) LOCUM_REQUIRES(mutex_);
  [[nodiscard]] Result<Block> grow(const Request& request) LOCUM_EXCLUDES(growing_);
  [[nodiscard]] Result<Block> grow_end(const Request& request) LOCUM_REQUIRES(growing_);
  [[nodiscard]] bool give_back_kept_slabs() LOCUM_REQUIRES(growing_);
  [[nodiscard]] Error full(const Request& request, const Error& reason) const LOCUM_REQUIRES(mutex_);
  [[nodiscard]] bool prepares(std::uint64_t below_pages) const LOCUM_REQUIRES(mutex_);
  [[nodiscard]] bool prepare_piece() LOCUM_EXCLUDES(growing_);
  [[nodiscard]] ArenaUsage usage_now() const LOCUM_REQUIRES(mutex_);
  void free_adopted(const Block& block) noexcept LOCUM_EXCLUDES(adopting_);
  void give_back_gap(std::uint64_t begin, std::uint64_t end) noexcept;

  const std::shared_ptr<Segment> segment_;
  std::byte* const base_;              // of the segment
  const std::uint64_t first_arena_;    // offset of rank 0's arena
  const std::uint64_t stride_;         // from one rank's arena to the next
  const std::uint64_t begin_;          // offset of this arena
  const std::uint64_t limit_pages_;    // of its address range
  const std::uint64_t step_pages_;     // taken at once while somebody waits
  const std::uint64_t prepare_pages_;  // kept ready behind what is used
  std::atomic<std::uint64_t> prepared_bytes_{0};

  // Held while the arena is extended, so that its end stays where it is; before mutex_, never inside it.
  Mutex growing_;
  mutable Mutex mutex_;
  PageRuns runs_ LOCUM_GUARDED_BY(mutex_);
  Slabs slabs_ LOCUM_GUARDED_BY(mutex_);
  std::uint64_t end_page_ LOCUM_GUARDED_BY(mutex_) = 0;  // committed so far; changed with both locks held
  std::uint64_t used_bytes_ LOCUM_GUARDED_BY(mutex_) = 0;
  bool refused_ LOCUM_GUARDED_BY(mutex_) = false;  // the last commit ahead failed, and none succeeded since

  // Held while pages of dead processes' arenas are given back; neither inside the others nor around them.
  Mutex adopting_;
  std::vector<std::unique_ptr<AdoptedPages>> adopted_ LOCUM_GUARDED_BY(adopting_);  // by node rank
  std::atomic<std::uint64_t> adopted_bytes_{0};                                     // that are still used

  std::unique_ptr<Preparer> preparer_;  // last: ends first
};

}  // namespace locum::shm
