#include "shm/arena/arena.hpp"

#include <algorithm>
#include <bit>
#include <chrono>
#include <limits>
#include <string>
#include <utility>

namespace locum::shm {
namespace {

// PageRuns counts pages in 32 bits, and keeps two numbers for itself.
constexpr std::uint64_t most_arena_pages = std::numeric_limits<std::uint32_t>::max() - 2;

// Pieces that a call that may do little work returns: about as much work as to commit one.
constexpr int few_pieces = 16;

std::uint64_t missing_pages(const PageSpace::Plan& plan) noexcept {
  std::uint64_t pages = 0;
  for (const PageRun& part : plan.missing) {
    pages += part.count;
  }
  return pages;
}

}  // namespace

SharedArena::SharedArena(std::shared_ptr<Segment> segment, std::uint32_t rank, std::uint64_t step_bytes,
                         std::uint64_t prepare_bytes, Background background, Collect collect)
    : segment_(std::move(segment)),
      base_(segment_->base()),
      first_arena_(segment_->geometry().arena_offset(0)),
      stride_(segment_->geometry().arena_offset(1) - first_arena_),  // defined beyond the last rank, too
      begin_(segment_->geometry().arena_offset(rank)),
      limit_bytes_(std::min(segment_->geometry().arena_bytes / page_bytes, most_arena_pages) * page_bytes),
      unit_pages_(std::clamp<std::uint64_t>(pages_for(step_bytes), 1, most_unit_pages)),
      collect_(std::move(collect)),
      blocks_(limit_bytes_ / page_bytes, unit_pages_),
      reserve_(std::min(prepare_bytes, segment_->geometry().memory_bytes) / page_bytes / unit_pages_),
      pressure_(segment_, rank),
      adopted_(segment_, rank) {
  if (background == Background::thread) {
    preparer_ = std::make_unique<Preparer>(pressure_.bell(), [this] { return work(Deadline::Clock::now()); });
  }
}

SharedArena::~SharedArena() = default;

[[gnu::hot]] Result<Block> SharedArena::allocate(std::uint64_t size_bytes, std::uint64_t alignment,
                                                 WaitBudget budget) {
  if (!std::has_single_bit(alignment) || alignment > page_bytes) {
    return Error(Errc::invalid_argument, "alignment has to be a power of two up to " +
                                             std::to_string(page_bytes) + " bytes, not to " +
                                             std::to_string(alignment));
  }
  const BlockRequest request{.size_bytes = size_bytes,
                             .class_bytes = size_class::aligned(size_bytes, alignment)};
  std::optional<std::uint64_t> begin;
  bool wanted = false;
  {
    const MutexLock lock(mutex_);
    const std::uint64_t pages_before = blocks_.pages().free_pages();
    begin = blocks_.take(request);
    wanted = blocks_.pages().free_pages() != pages_before && books_changed();
  }
  if (wanted) {
    wake();
  }
  return begin ? Result<Block>(Block{begin_ + *begin, size_bytes}) : grow(request, budget);
}

void SharedArena::free(const Block& block) noexcept {
  const std::uint64_t begin = block.offset - begin_;
  if (begin >= limit_bytes_) [[unlikely]] {  // includes offsets before begin_
    if (adopted_.free(block)) {
      {
        const MutexLock lock(mutex_);
        static_cast<void>(books_changed());
      }
      wake();
    }
    return;
  }
  bool wanted = false;
  {
    const MutexLock lock(mutex_);
    wanted = blocks_.free(begin, block.size_bytes) && books_changed();
  }
  if (wanted) {
    wake();
  }
}

// Commits the missing pages. If that fails: once more with the pages of empty slabs that were kept for their
// size, and then as other processes return memory. Under a limited budget it only asks the others: a later
// request finds the memory. A call that may not do long work commits at most a piece.
Result<Block> SharedArena::grow(const BlockRequest& request, const WaitBudget& budget) {
  if (!budget.allows_work() && request.pages > most_unit_pages) {
    return full(request, Error(Errc::out_of_memory, "a call with a limited wait budget commits at most " +
                                                        std::to_string(most_unit_pages * page_bytes) +
                                                        " bytes at a time"));
  }
  Shortage shortage;
  Result<Block> block = commit_for(request, budget, shortage);
  if (block) {
    return block;
  }
  bool retired = false;
  bool wanted = false;
  {
    const MutexLock lock(mutex_);
    retired = blocks_.retire_slabs();
    wanted = books_changed();
  }
  if (wanted) {
    wake();
  }
  if (retired) {
    block = commit_for(request, budget, shortage);
  }
  if (!block && shortage.gave_back && budget.is_limited()) {  // another process may have taken it, or it is
    return block.error().as_transient();                      // not enough yet
  }
  const Moment begun = Deadline::Clock::now();
  const Moment last = begun + Pressure::longest;
  for (int calls = 0; !block && Deadline::Clock::now() < last && may_be_had(shortage.lacking_bytes, calls);
       ++calls) {
    if (segment_->left_for_objects() < shortage.lacking_bytes) {
      if (budget.is_limited()) {
        return pressure_.ring_for_later(begun) ? block.error().as_transient() : std::move(block);
      }
      // A process that has answered once is working on it, however slowly.
      if (!pressure_.call(calls == 0 ? begun + Pressure::patience : last)) {
        break;
      }
    }
    block = commit_for(request, budget, shortage);
  }
  return block;
}

// Returns free pages of this arena for pages missing elsewhere in it: whole steps first, then any. The
// waiting thread does this itself: the background thread would do it later, and on a machine with many more
// threads than cores much later. Whether there were any. Nothing is returned if all that is free in the node
// does not suffice.
bool SharedArena::give_back_instead(std::uint64_t lacking_bytes, int most_pieces) {
  const std::uint64_t offered = pressure_.offered();
  const std::uint64_t left = segment_->left_for_objects();
  {
    const MutexLock lock(mutex_);
    if (lacking_bytes > left + blocks_.pages().free_pages() * page_bytes + offered) {
      return false;
    }
    reserve_.run_short();  // the background thread must not take the returned memory
  }
  std::uint64_t back_bytes = 0;
  for (const bool whole_units : {true, false}) {
    while (back_bytes < lacking_bytes && most_pieces-- > 0) {
      const std::uint64_t bytes = give_back(pages_for(lacking_bytes - back_bytes), whole_units);
      if (bytes == 0) {
        break;
      }
      back_bytes += bytes;
    }
  }
  return back_bytes > 0;
}

bool SharedArena::has_addresses(std::uint64_t size_bytes) {
  const BlockRequest request{.size_bytes = size_bytes};
  const MutexLock lock(mutex_);
  return blocks_.pages().has_room(request.pages);
}

void SharedArena::left(std::uint64_t bytes) noexcept {
  const MutexLock lock(mutex_);
  blocks_.left(bytes);
}

// The pages are given back first: once they are free, another thread may commit them.
void SharedArena::free_left(const Block& block, std::uint64_t left_bytes) {
  segment_->give_back(block.offset, pages_for(block.size_bytes) * page_bytes);
  bool wanted = false;
  {
    const MutexLock lock(mutex_);
    blocks_.free_left(block.offset - begin_, block.size_bytes, left_bytes);
    wanted = books_changed();
  }
  if (wanted) {
    wake();
  }
}

bool SharedArena::free_up(std::uint64_t size_bytes, const WaitBudget& budget) {
  {
    const MutexLock lock(mutex_);
    static_cast<void>(blocks_.retire_slabs());
    static_cast<void>(books_changed());
  }
  if (give_back_instead(size_bytes, std::numeric_limits<int>::max())) {
    return true;
  }
  return !budget.is_limited() && segment_->left_for_objects() < size_bytes && may_be_had(size_bytes, 0) &&
         pressure_.call(Deadline::Clock::now() + Pressure::patience);
}

// Whether it is free meanwhile, or asking the others can help: not if all free memory of the node does not
// suffice. The size of evicted but uncollected objects is known only after asking; once more, since a process
// that was at work when it was asked may answer before it has seen all. Where they are viewed it is asked in
// vain.
bool SharedArena::may_be_had(std::uint64_t lacking_bytes, int calls) const {
  constexpr int calls_in_doubt = 3;
  if (lacking_bytes == 0 || !pressure_.worth_calling()) {
    return false;
  }
  // In the order in which memory goes from one figure to the next, so that it is not missed on its way.
  const bool uncollected = calls < calls_in_doubt && pressure_.uncollected();
  const std::uint64_t offered = pressure_.offered();
  const std::uint64_t left = segment_->left_for_objects();
  return uncollected || (offered > 0 && lacking_bytes <= left + offered) ||
         (calls < calls_in_doubt && lacking_bytes <= left);
}

// Committing much takes seconds: a call that wants at most a piece has a separate lock, and waits only for
// the other's plan.
Result<Block> SharedArena::commit_for(const BlockRequest& request, const WaitBudget& budget,
                                      Shortage& shortage) {
  shortage.lacking_bytes = 0;
  if (request.pages <= most_unit_pages) {
    const MutexLock turn(growing_);
    Sought sought = seek(request);
    return sought.plan ? commit_plan(request, *sought.plan, budget, shortage) : sought.block;
  }
  const MutexLock turn(growing_much_);
  Sought sought;
  {
    const MutexLock growing(growing_);
    sought = seek(request);
  }
  return sought.plan ? commit_plan(request, *sought.plan, budget, shortage) : sought.block;
}

SharedArena::Sought SharedArena::seek(const BlockRequest& request) {
  std::optional<std::uint64_t> begin;
  bool wanted = false;
  {
    const MutexLock lock(mutex_);
    begin = blocks_.take(request);
    if (begin) {  // the previous holder of the lock has made room
      wanted = books_changed();
    } else if (auto plan = blocks_.pages().plan(request.pages)) {
      reserve_.commit_begins();
      return {.plan = std::move(plan)};
    }
  }
  if (wanted) {
    wake();
  }
  if (begin) {
    return {.block = Block{begin_ + *begin, request.size_bytes}};
  }
  return {.block = full(request, Error(Errc::out_of_memory,
                                       "the arena's address range has only " + std::to_string(limit_bytes_) +
                                           " bytes, by memory_bytes and reserve_bytes"))};
}

Result<Block> SharedArena::commit_plan(const BlockRequest& request, PageSpace::Plan& plan,
                                       const WaitBudget& budget, Shortage& shortage) {
  auto committed = commit(plan);
  if (!committed && plan.extra > 0) {
    {
      const MutexLock lock(mutex_);
      blocks_.pages().without_extra(plan);
    }
    committed = commit(plan);
  }
  const std::uint64_t missing_bytes = missing_pages(plan) * page_bytes;
  // While the plan holds its pages: if it is made anew, the returned ones may be missing in it.
  if (!committed) {
    const int most_pieces = budget.allows_work() ? std::numeric_limits<int>::max() : few_pieces;
    if (give_back_instead(missing_bytes, most_pieces)) {
      shortage.gave_back = true;
      committed = commit(plan);
    }
  }
  if (!committed) {
    bool wanted = false;
    {
      const MutexLock lock(mutex_);
      reserve_.commit_ends(false);
      blocks_.pages().refused(plan);
      wanted = books_changed();
    }
    if (wanted) {
      wake();
    }
    shortage.lacking_bytes = missing_bytes;
    return full(request, committed.error());
  }
  bool wanted = false;
  Result<Block> block(std::in_place);
  {
    const MutexLock lock(mutex_);
    reserve_.commit_ends(true);
    note_committed(plan);
    *block = {begin_ + blocks_.cut(request, plan.block.first), request.size_bytes};
    wanted = reserve_.exchange(missing_pages(plan) / unit_pages_,
                               blocks_.used_bytes() / page_bytes / unit_pages_, free_units());
    wanted = books_changed() || wanted;
  }
  if (wanted) {
    wake();
  }
  return block;
}

// All missing pages, or none.
Result<void> SharedArena::commit(const PageSpace::Plan& plan) {
  for (std::size_t index = 0; index < plan.missing.size(); ++index) {
    const PageRun& part = plan.missing[index];
    auto committed = segment_->commit_for_objects(begin_ + part.first * page_bytes, part.count * page_bytes);
    if (!committed) {
      while (index-- > 0) {
        const PageRun& taken = plan.missing[index];
        segment_->give_back(begin_ + taken.first * page_bytes, taken.count * page_bytes);
      }
      return committed;
    }
  }
  return {};
}

Error SharedArena::full(const BlockRequest& request, const Error& reason) const {
  const ArenaUsage now = usage();
  return Error(Errc::out_of_memory,
               "no memory for a block of " + std::to_string(request.size_bytes) +
                   " bytes; this process has " + std::to_string(now.used) + " used and " +
                   std::to_string(now.free) + " free (the largest piece " + std::to_string(now.largest_free) +
                   "), the node has " + std::to_string(now.node_committed) +
                   " committed of memory_bytes = " + std::to_string(now.limit) + ", of which " +
                   std::to_string(pressure_.offered()) + " are free in whole steps",
               reason.detail().empty() ? reason.text() : reason.text() + ": " + reason.detail());
}

// Pages that are being given back count until the node's memory counts them as free.
void SharedArena::offer_surplus() {
  pressure_.offer((free_units() * unit_pages_ + leaving_pages_) * page_bytes + adopted_.unused_bytes());
}

// Called whenever the number of free pages has changed; returns whether the background thread has work.
bool SharedArena::books_changed() {
  offer_surplus();
  return reserve_.note(free_units(), blocks_.pages().can_grow());
}

void SharedArena::wake() noexcept {
  if (preparer_) {
    preparer_->wake();
  }
}

[[gnu::hot]] std::byte* SharedArena::data(std::uint64_t offset) const noexcept {
  return base_ + offset;
}

bool SharedArena::contains(std::uint64_t offset, std::uint64_t size_bytes) const noexcept {
  const Geometry& geometry = segment_->geometry();
  if (offset < first_arena_ || (offset - first_arena_) / stride_ >= geometry.ranks) {
    return false;
  }
  const std::uint64_t within = (offset - first_arena_) % stride_;
  return within < geometry.arena_bytes && size_bytes <= geometry.arena_bytes - within;
}

void SharedArena::note_committed(const PageSpace::Plan& plan) {
  blocks_.pages().committed(plan);
  remember_highest();
}

Result<void> SharedArena::adopt(std::uint32_t rank, std::span<const Block> used) {
  Result<void> adopted = adopted_.adopt(rank, used);
  const MutexLock lock(mutex_);
  remember_highest();
  return adopted;
}

void SharedArena::remember_highest() {
  highest_bytes_ = std::max(highest_bytes_, committed_bytes());
}

std::uint64_t SharedArena::committed_bytes() const {
  return blocks_.pages().committed_pages() * page_bytes + adopted_.used_bytes() + adopted_.unused_bytes();
}

ArenaUsage SharedArena::usage() const {
  const MutexLock lock(mutex_);
  return usage_now();
}

ArenaUsage SharedArena::usage_now() const {
  const std::uint64_t used = blocks_.used_bytes() + adopted_.used_bytes();
  const std::uint64_t committed = committed_bytes();
  return {.limit = segment_->geometry().memory_bytes,
          .node_committed = segment_->committed_bytes(),
          .node_highest = segment_->highest_bytes(),
          .committed = committed,
          .highest = highest_bytes_,
          .used = used,
          .free = committed - used,
          .largest_free = blocks_.largest_free()};
}

}  // namespace locum::shm
