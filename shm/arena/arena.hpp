#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>

#include "core/base/mutex.hpp"
#include "core/ports/arena.hpp"
#include "shm/arena/adopted_arenas.hpp"
#include "shm/arena/block_space.hpp"
#include "shm/arena/preparer.hpp"
#include "shm/arena/pressure.hpp"
#include "shm/arena/reserve.hpp"
#include "shm/segment/segment.hpp"

namespace locum::shm {

/// One rank's part of the node's memory. Small blocks come from slabs, one size each; large ones are runs of
/// pages, best fit. The arena commits missing pages, and while a call waits at most the rest of a step more.
/// A background thread keeps `prepare_bytes` committed and touched, from the first allocation on and unless
/// prepare() says otherwise, while the node has used less than three quarters of its memory; it returns whole
/// free steps to the system that were not needed for two windows (docs/decisions/0009), and at once when
/// another process of the node lacks memory. Any thread of the owning process may call; no lock and no
/// bookkeeping is shared with other processes, so that a death leaves nothing to repair.
///
/// A call for more than 2 MiB of uncommitted memory waits until it is committed, and if memory is short,
/// until other processes of the node return some, at most 5 s. Smaller requests do not wait for larger ones.
/// Under a limited budget (WaitBudget) it does not wait for others, and if it may do little work gets
/// committed memory, or a piece of 2 MiB, or `out_of_memory`.
class SharedArena final : public Arena {
 public:
  using Moment = Preparer::Moment;
  /// See Reserve.
  static constexpr std::chrono::milliseconds window = Reserve::window;
  /// Who does the background work: a thread of the arena, or the caller of work().
  enum class Background { thread, caller };
  /// Further background work: frees objects to be collected into this arena, a piece at a time, all of them
  /// if another process asked for memory. Returns the time of the next call, as work() does.
  using Collect = std::function<Moment(Arena& arena, Moment now, bool called)>;

  /// `step_bytes` is a power of two, at least a page; values over 2 MiB count as 2 MiB. `prepare_bytes` is
  /// rounded down to steps.
  SharedArena(std::shared_ptr<Segment> segment, std::uint32_t rank, std::uint64_t step_bytes,
              std::uint64_t prepare_bytes, Background background = Background::thread,
              Collect collect = nullptr);
  ~SharedArena() override;

  [[nodiscard]] Result<Block> allocate(std::uint64_t size_bytes, std::uint64_t alignment = 16,
                                       WaitBudget budget = {}) override LOCUM_EXCLUDES(growing_)
      LOCUM_EXCLUDES(mutex_);
  void free(const Block& block) noexcept override LOCUM_EXCLUDES(mutex_);
  [[nodiscard]] std::byte* data(std::uint64_t offset) const noexcept override;
  [[nodiscard]] bool contains(std::uint64_t offset, std::uint64_t size_bytes) const noexcept override;
  [[nodiscard]] ArenaUsage usage() const override LOCUM_EXCLUDES(mutex_);

  /// Takes over the arena of a dead process of the node, to empty it: all of its memory except the blocks in
  /// `used` returns to the system before this returns, and that of each of these by the background work once
  /// it is freed. Nothing is allocated there. `used` are the blocks of live and still pinned objects of the
  /// dead process; impossible ones are skipped. May be called again, also by another process after this one
  /// has died. Errors change nothing.
  [[nodiscard]] Result<void> adopt(std::uint32_t rank, std::span<const Block> used);

  // For objects that leave memory while their blocks stay in use (shm/spill/).

  /// Whether a block of that size finds addresses in this arena: otherwise no memory helps.
  [[nodiscard]] bool has_addresses(std::uint64_t size_bytes) LOCUM_EXCLUDES(mutex_);
  /// That much of a block of pages of this arena was given back, and is not counted here any more.
  void left(std::uint64_t bytes) noexcept LOCUM_EXCLUDES(mutex_);
  /// Frees such a block, all of whose pages are given back by this, whatever is committed of them.
  void free_left(const Block& block, std::uint64_t left_bytes) LOCUM_EXCLUDES(mutex_);
  /// Returns free pages of this arena to the node, or has other processes return some, as a call does that
  /// lacks that much memory. Whether there may be more free memory now; within the budget.
  [[nodiscard]] bool free_up(std::uint64_t size_bytes, const WaitBudget& budget) LOCUM_EXCLUDES(mutex_);

  /// Whether memory is prepared from now on; at first it is. A piece that has begun is completed.
  void prepare(bool wanted) noexcept {
    prepares_.store(wanted, std::memory_order_relaxed);
    if (wanted) {
      wake();
    }
  }

  /// Does one bounded piece of the background work, at the time `now`: see Preparer. For tests without a
  /// thread.
  [[nodiscard]] Moment work(Moment now) LOCUM_EXCLUDES(growing_) LOCUM_EXCLUDES(mutex_);

  /// Bytes that the background work has committed, and returned, so far: for tests and reports.
  [[nodiscard]] std::uint64_t prepared_bytes() const noexcept {
    return prepared_bytes_.load(std::memory_order_acquire);
  }
  [[nodiscard]] std::uint64_t given_back_bytes() const noexcept {
    return given_back_bytes_.load(std::memory_order_acquire);
  }

 private:
  /// The most that is committed beyond the request while a call waits: half a millisecond. Also the most that
  /// is returned at once, which takes as long.
  static constexpr std::uint64_t most_unit_pages = (std::uint64_t{2} << 20U) / page_bytes;

  [[nodiscard]] Result<Block> grow(const BlockRequest& request, const WaitBudget& budget)
      LOCUM_EXCLUDES(growing_) LOCUM_EXCLUDES(mutex_);
  /// Why a commit failed: the bytes that could not be committed, 0 for another reason; and whether this arena
  /// has returned some for them.
  struct Shortage {
    std::uint64_t lacking_bytes = 0;
    bool gave_back = false;
  };
  [[nodiscard]] Result<Block> commit_for(const BlockRequest& request, const WaitBudget& budget,
                                         Shortage& shortage) LOCUM_EXCLUDES(growing_) LOCUM_EXCLUDES(mutex_);
  /// The outcome of a request: a block at once, an error, or the pages to be committed for it.
  struct Sought {
    Result<Block> block{std::in_place};
    std::optional<PageSpace::Plan> plan{};
  };
  [[nodiscard]] Sought seek(const BlockRequest& request) LOCUM_REQUIRES(growing_) LOCUM_EXCLUDES(mutex_);
  [[nodiscard]] Result<Block> commit_plan(const BlockRequest& request, PageSpace::Plan& plan,
                                          const WaitBudget& budget, Shortage& shortage)
      LOCUM_EXCLUDES(mutex_);
  [[nodiscard]] Result<void> commit(const PageSpace::Plan& plan);
  [[nodiscard]] bool may_be_had(std::uint64_t lacking_bytes, int calls) const;
  [[nodiscard]] bool give_back_instead(std::uint64_t lacking_bytes, int most_pieces) LOCUM_EXCLUDES(mutex_);
  [[nodiscard]] Error full(const BlockRequest& request, const Error& reason) const LOCUM_EXCLUDES(mutex_);
  [[nodiscard]] bool books_changed() LOCUM_REQUIRES(mutex_);
  void offer_surplus() LOCUM_REQUIRES(mutex_);
  [[nodiscard]] std::uint64_t free_units() const LOCUM_REQUIRES(mutex_) {
    return blocks_.pages().free_units();
  }
  [[nodiscard]] bool empty_adopted() LOCUM_REQUIRES(growing_);
  [[nodiscard]] bool give_back_piece() LOCUM_REQUIRES(growing_);
  [[nodiscard]] std::uint64_t give_back(std::uint64_t most_pages, bool whole_units) LOCUM_EXCLUDES(mutex_);
  [[nodiscard]] bool prepare_piece() LOCUM_REQUIRES(growing_);
  [[nodiscard]] Moment look(Moment now) LOCUM_REQUIRES(growing_);
  void wake() noexcept;
  void note_committed(const PageSpace::Plan& plan) LOCUM_REQUIRES(mutex_);
  [[nodiscard]] std::uint64_t committed_bytes() const LOCUM_REQUIRES(mutex_);
  void remember_highest() LOCUM_REQUIRES(mutex_);
  [[nodiscard]] ArenaUsage usage_now() const LOCUM_REQUIRES(mutex_);

  const std::shared_ptr<Segment> segment_;
  std::byte* const base_;            // of the segment
  const std::uint64_t first_arena_;  // offset of rank 0's arena
  const std::uint64_t stride_;       // from one rank's arena to the next
  const std::uint64_t begin_;        // offset of this arena
  const std::uint64_t limit_bytes_;  // of its address range
  const std::uint64_t unit_pages_;   // a step
  const Collect collect_;
  std::atomic<bool> prepares_{true};
  std::atomic<std::uint64_t> prepared_bytes_{0};
  std::atomic<std::uint64_t> given_back_bytes_{0};

  // Serialise commits, so that the next one finds the spare pages; before mutex_, never inside it. One for
  // threads that commit or return a piece, which takes at most half a millisecond …
  Mutex growing_;
  // … and one for larger requests, which take seconds for several GiB. Never both.
  Mutex growing_much_;

  mutable Mutex mutex_;
  BlockSpace blocks_ LOCUM_GUARDED_BY(mutex_);
  Reserve reserve_ LOCUM_GUARDED_BY(mutex_);
  Pressure pressure_;  // offer() under mutex_, called() by the background work
  std::uint64_t highest_bytes_ LOCUM_GUARDED_BY(mutex_) = 0;  ///< the most that was committed
  std::uint64_t leaving_pages_ LOCUM_GUARDED_BY(mutex_) = 0;  ///< are being given back
  AdoptedArenas adopted_;

  std::unique_ptr<Preparer> preparer_;  // last: ends first
};

}  // namespace locum::shm
