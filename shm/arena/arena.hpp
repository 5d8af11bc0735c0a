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
/// pages, best fit. The arena commits what it lacks, and at most the rest of a step more while somebody
/// waits. Behind it works a background thread. It keeps `prepare_bytes` committed and touched, once the first
/// block was asked for, while the node has used less than three quarters of its memory; it gives whole free
/// steps back to the system that were not needed for two windows (docs/decisions/0009), and at once when
/// another process of the node lacks memory. Any thread of the owning process may call; no lock and no book
/// is shared with other processes, so that a death leaves nothing to repair.
///
/// Who wants more than 2 MiB that is not committed yet waits until it is, and where memory is short for other
/// processes of the node to give some back, 5 s at most. Smaller requests do not wait for larger ones. Under
/// a limited budget (WaitBudget) it does not wait for others, and where it may do little work gets what is
/// committed, or a piece of 2 MiB, or `out_of_memory`.
class SharedArena final : public Arena {
 public:
  using Moment = Preparer::Moment;
  /// See Reserve.
  static constexpr std::chrono::milliseconds window = Reserve::window;
  /// Who does the work in the background: a thread of the arena's own, or whoever calls work().
  enum class Background { thread, caller };
  /// What else the background does: frees into this arena what is to be collected, a piece at a time, all of
  /// it if somebody has called for memory. When there may be more, as work() says it.
  using Collect = std::function<Moment(Arena& arena, Moment now, bool called)>;

  /// `step_bytes` is a power of two, at least a page; more than 2 MiB is taken as that. `prepare_bytes` is
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

  /// Takes over the arena of a dead process of the node, to empty it: all of its memory but what the blocks
  /// `used` lie in is given back to the system before this returns, and that of each of them by the
  /// background once it is freed. Nothing is allocated there. `used` is what live and still pinned objects of
  /// the dead process name; blocks that cannot be are passed over. May be called again, also by another
  /// process after this one has died. Errors change nothing.
  [[nodiscard]] Result<void> adopt(std::uint32_t rank, std::span<const Block> used) {
    return adopted_.adopt(rank, used);
  }

  /// Does one bounded piece of the background's work, as if it were `now`: see Preparer. For tests without a
  /// thread.
  [[nodiscard]] Moment work(Moment now) LOCUM_EXCLUDES(growing_) LOCUM_EXCLUDES(mutex_);

  /// Bytes that the background has committed, and given back, so far: for tests and reports.
  [[nodiscard]] std::uint64_t prepared_bytes() const noexcept {
    return prepared_bytes_.load(std::memory_order_acquire);
  }
  [[nodiscard]] std::uint64_t given_back_bytes() const noexcept {
    return given_back_bytes_.load(std::memory_order_acquire);
  }

 private:
  /// The most that is committed beyond what was asked for while somebody waits: half a millisecond. And what
  /// is given back at once, which takes as long.
  static constexpr std::uint64_t most_unit_pages = (std::uint64_t{2} << 20U) / page_bytes;

  [[nodiscard]] Result<Block> grow(const BlockRequest& request, const WaitBudget& budget)
      LOCUM_EXCLUDES(growing_) LOCUM_EXCLUDES(mutex_);
  [[nodiscard]] Result<Block> commit_for(const BlockRequest& request, std::uint64_t& lacking_bytes)
      LOCUM_EXCLUDES(growing_) LOCUM_EXCLUDES(mutex_);
  /// What a request gets at once, or why it gets nothing, or what has to be committed for it.
  struct Sought {
    Result<Block> block{std::in_place};
    std::optional<PageSpace::Plan> plan{};
  };
  [[nodiscard]] Sought seek(const BlockRequest& request) LOCUM_REQUIRES(growing_) LOCUM_EXCLUDES(mutex_);
  [[nodiscard]] Result<Block> commit_plan(const BlockRequest& request, PageSpace::Plan& plan,
                                          std::uint64_t& lacking_bytes) LOCUM_EXCLUDES(mutex_);
  [[nodiscard]] Result<void> commit(const PageSpace::Plan& plan);
  [[nodiscard]] bool may_be_had(std::uint64_t lacking_bytes, bool first_call) const;
  [[nodiscard]] bool give_back_instead(std::uint64_t lacking_bytes) LOCUM_EXCLUDES(growing_)
      LOCUM_EXCLUDES(mutex_);
  [[nodiscard]] Error full(const BlockRequest& request, const Error& reason) const LOCUM_EXCLUDES(mutex_);
  [[nodiscard]] bool books_changed() LOCUM_REQUIRES(mutex_);
  [[nodiscard]] std::uint64_t free_units() const LOCUM_REQUIRES(mutex_) {
    return blocks_.pages().free_units();
  }
  [[nodiscard]] bool empty_adopted() LOCUM_REQUIRES(growing_);
  [[nodiscard]] bool give_back_piece() LOCUM_REQUIRES(growing_);
  [[nodiscard]] std::uint64_t give_back(std::uint64_t most_units) LOCUM_REQUIRES(growing_);
  [[nodiscard]] bool prepare_piece() LOCUM_REQUIRES(growing_);
  [[nodiscard]] Moment look(Moment now) LOCUM_REQUIRES(growing_);
  void wake() noexcept;
  [[nodiscard]] ArenaUsage usage_now() const LOCUM_REQUIRES(mutex_);

  const std::shared_ptr<Segment> segment_;
  std::byte* const base_;            // of the segment
  const std::uint64_t first_arena_;  // offset of rank 0's arena
  const std::uint64_t stride_;       // from one rank's arena to the next
  const std::uint64_t begin_;        // offset of this arena
  const std::uint64_t limit_bytes_;  // of its address range
  const std::uint64_t unit_pages_;   // a step
  const Collect collect_;
  std::atomic<std::uint64_t> prepared_bytes_{0};
  std::atomic<std::uint64_t> given_back_bytes_{0};

  // Turns, so that who comes next finds what was there to spare; before mutex_, never inside it. One for
  // whoever commits or gives back a piece, which takes half a millisecond at most …
  Mutex growing_;
  // … and one for requests that take more, and seconds if it is several GiB. Never both.
  Mutex growing_much_;

  mutable Mutex mutex_;
  BlockSpace blocks_ LOCUM_GUARDED_BY(mutex_);
  Reserve reserve_ LOCUM_GUARDED_BY(mutex_);
  Pressure pressure_;  // offer() under mutex_, called() by who works in the background
  AdoptedArenas adopted_;

  std::unique_ptr<Preparer> preparer_;  // last: ends first
};

}  // namespace locum::shm
