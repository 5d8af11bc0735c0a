#include "shm/arena.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <chrono>
#include <limits>
#include <new>
#include <string>
#include <utility>

#include "core/haste.hpp"

namespace locum::shm {
namespace {

// What the background commits and touches before it looks up again: who lacks pages waits as long, a quarter
// of a millisecond.
constexpr std::uint64_t piece_pages = (std::uint64_t{512} << 10U) / page_bytes;
// The most that is committed beyond what was asked for while somebody waits: half a millisecond. And what is
// given back at once, which takes as long.
constexpr std::uint64_t most_unit_pages = (std::uint64_t{2} << 20U) / page_bytes;
// The least that a call for memory brings, where there is so much.
constexpr std::uint64_t least_answer_pages = (std::uint64_t{64} << 20U) / page_bytes;
// When a block finds no place among free steps, no more of them are kept than a part of what is used.
constexpr std::uint64_t used_per_scattered = 16;
// PageRuns counts pages in 32 bits, and keeps two numbers for itself.
constexpr std::uint64_t most_pages = std::numeric_limits<std::uint32_t>::max() - 2;
// Linux 5.14; older kernels refuse it, and pages are then touched by whoever writes them first.
constexpr int populate_write = 23;

constexpr std::uint64_t pages_for(std::uint64_t bytes) {
  return bytes / page_bytes + (bytes % page_bytes != 0 ? 1 : 0);
}

}  // namespace

// What one call wants: a block of a class, or of pages of its own.
struct SharedArena::Request {
  std::uint64_t size_bytes;
  std::uint64_t class_bytes = size_bytes;  // more, where an alignment asks for it
  bool small = size_bytes <= size_class::largest_bytes;
  std::uint32_t index = small ? size_class::of(class_bytes) : 0;
  std::uint64_t pages = small ? size_class::slab_pages[index] : pages_for(size_bytes);
  std::uint64_t rounded_bytes = small ? size_class::block_bytes(index) : pages * page_bytes;
};

SharedArena::SharedArena(std::shared_ptr<Segment> segment, std::uint32_t rank, std::uint64_t step_bytes,
                         std::uint64_t prepare_bytes, Background background, Collect collect)
    : segment_(std::move(segment)),
      base_(segment_->base()),
      first_arena_(segment_->geometry().arena_offset(0)),
      stride_(segment_->geometry().arena_offset(1) - first_arena_),  // defined beyond the last rank, too
      begin_(segment_->geometry().arena_offset(rank)),
      limit_bytes_(std::min(segment_->geometry().arena_bytes / page_bytes, most_pages) * page_bytes),
      unit_pages_(std::clamp<std::uint64_t>(pages_for(step_bytes), 1, most_unit_pages)),
      keep_units_(std::min(prepare_bytes, segment_->geometry().memory_bytes) / page_bytes / unit_pages_),
      collect_(std::move(collect)),
      pages_(limit_bytes_ / page_bytes, unit_pages_),
      pressure_(segment_, rank),
      adopted_(segment_, rank) {
  if (background == Background::thread) {
    preparer_ = std::make_unique<Preparer>(pressure_.bell(), [this] { return work(Deadline::Clock::now()); });
  }
}

SharedArena::~SharedArena() = default;

Result<Block> SharedArena::allocate(std::uint64_t size_bytes, std::uint64_t alignment) {
  if (!std::has_single_bit(alignment) || alignment > page_bytes) {
    return Error(Errc::invalid_argument, "objects are aligned to a power of two up to " +
                                             std::to_string(page_bytes) + " bytes, not to " +
                                             std::to_string(alignment));
  }
  const Request request{.size_bytes = size_bytes, .class_bytes = size_class::aligned(size_bytes, alignment)};
  try {
    std::optional<std::uint64_t> offset;
    bool wanted = false;
    {
      const MutexLock lock(mutex_);
      const std::uint64_t pages_before = pages_.free_pages();
      offset = from_books(request);
      wanted = pages_.free_pages() != pages_before && books_changed();
    }
    if (wanted) {
      wake();
    }
    return offset ? Result<Block>(Block{*offset, size_bytes}) : grow(request);
  } catch (const std::bad_alloc&) {
    return Error(Errc::out_of_memory, "this process has no memory of its own left for its arena's books");
  }
}

void SharedArena::free(const Block& block) noexcept {
  const Request request{.size_bytes = block.size_bytes};
  const std::uint64_t begin = block.offset - begin_;
  if (begin >= limit_bytes_) [[unlikely]] {  // also what lies before begin_
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
    used_bytes_ -= request.small ? slabs_.block_bytes(begin) : request.rounded_bytes;
    if (!request.small) {
      pages_.give(begin / page_bytes, request.pages);
      wanted = books_changed();
    } else if (const auto slab = slabs_.free(begin)) {
      pages_.give(slab->first, slab->count);
      wanted = books_changed();
    }
  }
  if (wanted) {
    wake();
  }
}

// What is committed already: the offset of a block, or nothing.
std::optional<std::uint64_t> SharedArena::from_books(const Request& request) {
  if (request.small) {
    if (const auto begin = slabs_.allocate(request.index)) {
      used_bytes_ += request.rounded_bytes;
      return begin_ + *begin;
    }
  }
  const auto first_page = pages_.take(request.pages);
  return first_page ? std::optional(cut(request, *first_page)) : std::nullopt;
}

// The block that was asked for, out of pages that are nobody's: those of a new slab, or its own.
std::uint64_t SharedArena::cut(const Request& request, std::uint64_t first_page) {
  std::uint64_t begin = first_page * page_bytes;
  if (request.small) {
    try {
      slabs_.add(request.index, first_page);
    } catch (...) {
      pages_.give(first_page, request.pages);
      throw;
    }
    begin = slabs_.allocate(request.index).value_or(begin);
  }
  used_bytes_ += request.rounded_bytes;
  return begin_ + begin;
}

// Commits what is missing. If that cannot be had: once more with the pages of empty slabs that were kept for
// their size, then for steps that this arena has free elsewhere, and last as memory comes that the others
// have. A thread in haste commits a piece at most, and only asks the others for more: a later request finds
// it.
Result<Block> SharedArena::grow(const Request& request) {
  const bool haste = Haste::is_on();
  if (haste && request.pages > most_unit_pages) {
    return full(request, Error(Errc::out_of_memory, "a thread that holds up others commits no more than " +
                                                        std::to_string(most_unit_pages * page_bytes) +
                                                        " bytes at a time"));
  }
  std::uint64_t lacking_bytes = 0;
  Result<Block> block = commit_for(request, lacking_bytes);
  if (block) {
    return block;
  }
  bool retired = false;
  {
    const MutexLock lock(mutex_);
    retired = retire_slabs();
  }
  if (retired) {
    block = commit_for(request, lacking_bytes);
  }
  const Moment begun = Deadline::Clock::now();
  const Moment last = begun + Pressure::longest;
  for (bool first = true; !block && Deadline::Clock::now() < last && may_be_had(lacking_bytes, first);) {
    if (!give_back_instead(lacking_bytes)) {
      if (haste) {
        pressure_.ring();
        break;
      }
      // Who has answered once is at it, however slowly.
      if (!pressure_.call(std::exchange(first, false) ? begun + Pressure::patience : last)) {
        break;
      }
    }
    block = commit_for(request, lacking_bytes);
    if (haste) {
      break;
    }
  }
  return block;
}

// Whole free steps of this arena for what is lacking elsewhere in it. Whoever waits for memory does this
// itself: the background thread would come to it later, and on a machine with many more threads than cores
// much later. Whether there was any.
bool SharedArena::give_back_instead(std::uint64_t lacking_bytes) {
  {
    const MutexLock lock(mutex_);
    short_ = true;  // what comes back is not for the background to prepare
  }
  std::uint64_t back_bytes = 0;
  while (back_bytes < lacking_bytes) {
    const MutexLock growing(growing_);  // for a piece, so that other threads wait no longer than for that
    const std::uint64_t bytes = give_back(pages_for(lacking_bytes - back_bytes) / unit_pages_ + 1);
    if (bytes == 0) {
      break;
    }
    back_bytes += bytes;
  }
  return back_bytes > 0;
}

// Whether it is worth to call: not if all that is free in the node does not suffice. How much evicted objects
// hold that nobody has collected is known after a call only.
bool SharedArena::may_be_had(std::uint64_t lacking_bytes, bool first_call) const {
  const std::uint64_t committed = segment_->committed_bytes();
  const std::uint64_t limit = segment_->geometry().memory_bytes;
  const std::uint64_t left = limit - std::min(limit, committed);
  const std::uint64_t offered = pressure_.offered();
  return lacking_bytes > 0 && pressure_.worth_calling() &&
         ((offered > 0 && lacking_bytes <= left + offered) || (first_call && pressure_.uncollected()));
}

// `lacking_bytes`: what could not be committed; 0 where that is not the reason for an error. Much of it takes
// seconds: who wants a piece at most has a turn of his own, and waits for the other one's plan only.
Result<Block> SharedArena::commit_for(const Request& request, std::uint64_t& lacking_bytes) {
  lacking_bytes = 0;
  if (request.pages <= most_unit_pages) {
    const MutexLock turn(growing_);
    Sought sought = seek(request);
    return sought.plan ? commit_plan(request, *sought.plan, lacking_bytes) : sought.block;
  }
  const MutexLock turn(growing_much_);
  Sought sought;
  {
    const MutexLock growing(growing_);
    sought = seek(request);
  }
  return sought.plan ? commit_plan(request, *sought.plan, lacking_bytes) : sought.block;
}

SharedArena::Sought SharedArena::seek(const Request& request) {
  {
    const MutexLock lock(mutex_);
    if (const auto offset = from_books(request)) {  // whose turn it was before us has made room
      return {.block = Block{*offset, request.size_bytes}};
    }
    if (auto plan = pages_.plan(request.pages)) {
      ++plans_;
      return {.plan = std::move(plan)};
    }
  }
  return {.block = full(request, Error(Errc::out_of_memory,
                                       "the arena has an address range of " + std::to_string(limit_bytes_) +
                                           " bytes, by memory_bytes and reserve_bytes"))};
}

Result<Block> SharedArena::commit_plan(const Request& request, PageSpace::Plan& plan,
                                       std::uint64_t& lacking_bytes) {
  Result<void> committed;
  try {
    committed = commit(plan);
    if (!committed && plan.extra > 0) {
      {
        const MutexLock lock(mutex_);
        pages_.without_extra(plan);
      }
      committed = commit(plan);
    }
  } catch (const std::bad_alloc&) {  // not even for the reason
    committed = no_memory_left();
  }
  if (!committed) {
    {
      const MutexLock lock(mutex_);
      --plans_;
      pages_.refused(plan);
    }
    for (const PageRun& part : plan.missing) {
      lacking_bytes += part.count * page_bytes;
    }
    return full(request, committed.error());
  }
  bool wanted = false;
  Result<Block> block(std::in_place);
  {
    const MutexLock lock(mutex_);
    --plans_;
    pages_.committed(plan);
    short_ = false;
    *block = {cut(request, plan.block.first), request.size_bytes};
    wanted = exchange(plan);
    wanted = books_changed() || wanted;
  }
  if (wanted) {
    wake();
  }
  return block;
}

// Steps that are free but too scattered for the block at hand were no use to it: as much as was committed for
// it goes back in turn, and all but a small part of what is used. So blocks of different sizes that come and
// go do not make what is committed grow. Whether there is something to give back.
bool SharedArena::exchange(const PageSpace::Plan& plan) {
  std::uint64_t committed_pages = 0;
  for (const PageRun& part : plan.missing) {
    committed_pages += part.count;
  }
  const std::uint64_t free = pages_.free_units();
  const std::uint64_t spare = free - std::min(free, keep_units_);
  const std::uint64_t kept =
      std::max(keep_units_, used_bytes_ / page_bytes / unit_pages_ / used_per_scattered);
  surplus_units_ = std::max(surplus_units_ + committed_pages / unit_pages_, free - std::min(free, kept));
  surplus_units_ = std::min(surplus_units_, spare);
  return surplus_units_ > 0;
}

// All that is missing, or nothing.
Result<void> SharedArena::commit(const PageSpace::Plan& plan) {
  for (std::size_t index = 0; index < plan.missing.size(); ++index) {
    const PageRun& part = plan.missing[index];
    auto committed = segment_->commit(begin_ + part.first * page_bytes, part.count * page_bytes);
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

bool SharedArena::retire_slabs() {
  bool any = false;
  while (const auto slab = slabs_.give_back()) {
    pages_.give(slab->first, slab->count);
    any = true;
  }
  return any;
}

Error SharedArena::full(const Request& request, const Error& reason) const {
  const ArenaUsage now = usage();
  return Error(Errc::out_of_memory,
               "no memory for a block: asked for " + std::to_string(request.size_bytes) +
                   " bytes; this process has " + std::to_string(now.used) + " used and " +
                   std::to_string(now.free) + " free (the largest piece " + std::to_string(now.largest_free) +
                   "), the node has " + std::to_string(now.node_committed) +
                   " committed of memory_bytes = " + std::to_string(now.limit) + ", of which " +
                   std::to_string(pressure_.offered()) + " are free in whole steps",
               reason.detail().empty() ? reason.text() : reason.text() + ": " + reason.detail());
}

// Called whenever free pages became more or fewer; whether the background has something to do.
bool SharedArena::books_changed() {
  const std::uint64_t units = pages_.free_units();
  lowest_.note(units);
  pressure_.offer(units * unit_pages_ * page_bytes + adopted_.unused_bytes());
  if (units > keep_units_ && !watched_) {
    watched_ = true;
    return true;
  }
  return prepares((keep_units_ + 1) / 2);
}

// Whether the background would commit ahead while fewer units than these are free. What somebody waits for
// comes first: together they might go beyond the node's limit.
bool SharedArena::prepares(std::uint64_t below_units) const {
  return pages_.free_units() < below_units && !short_ && plans_ == 0 && pages_.can_grow();
}

void SharedArena::wake() noexcept {
  if (preparer_) {
    preparer_->wake();
  }
}

SharedArena::Moment SharedArena::work(Moment now) {
  const bool called = pressure_.called();
  const Moment next_collect = collect_ ? collect_(*this, now, called) : Moment::max();
  const MutexLock growing(growing_);
  if (called) {
    answering_ = true;
    const MutexLock lock(mutex_);
    static_cast<void>(retire_slabs());
    short_ = true;
    surplus_units_ = std::max((pages_.free_units() + 1) / 2, least_answer_pages / unit_pages_);
  }
  return empty_adopted() || give_back_piece() || prepare_piece() ? Moment::min()
                                                                 : std::min(next_collect, look(now));
}

// A piece of what freed blocks of dead processes have left; false if that is all. Nothing of it is kept.
bool SharedArena::empty_adopted() {
  const std::uint64_t bytes = adopted_.give_back_piece();
  if (bytes == 0) {
    return false;
  }
  given_back_bytes_.fetch_add(bytes, std::memory_order_release);
  {
    const MutexLock lock(mutex_);
    static_cast<void>(books_changed());
  }
  if (answering_) {
    pressure_.answer();
  }
  return true;
}

// A piece of what is to be given back; false if that is all.
bool SharedArena::give_back_piece() {
  std::uint64_t surplus_units = 0;
  {
    const MutexLock lock(mutex_);
    const std::uint64_t kept = answering_ ? 0 : keep_units_;
    const std::uint64_t units = pages_.free_units();
    surplus_units_ = std::min(surplus_units_, units - std::min(units, kept));
    surplus_units = surplus_units_;
  }
  const std::uint64_t bytes = surplus_units > 0 ? give_back(surplus_units) : 0;
  bool more = false;
  {
    // Nothing: also where no book could be had for it. The next window asks again.
    const MutexLock lock(mutex_);
    const std::uint64_t given_units = bytes == 0 ? surplus_units_ : bytes / page_bytes / unit_pages_;
    surplus_units_ -= std::min(surplus_units_, given_units);
    more = surplus_units_ > 0;
  }
  if (answering_) {
    answering_ = more;
    pressure_.answer();
  }
  return bytes > 0;
}

// A piece of at most so many free steps, one at least if there is one; how many bytes.
std::uint64_t SharedArena::give_back(std::uint64_t most_units) {
  std::optional<PageRun> run;
  try {
    const MutexLock lock(mutex_);
    run = pages_.surplus(std::min(most_units, most_unit_pages / unit_pages_));
    if (run) {
      static_cast<void>(books_changed());
    }
  } catch (const std::bad_alloc&) {
  }
  if (!run) {
    return 0;
  }
  const std::uint64_t size_bytes = run->count * page_bytes;
  segment_->give_back(begin_ + run->first * page_bytes, size_bytes);
  given_back_bytes_.fetch_add(size_bytes, std::memory_order_release);
  const MutexLock lock(mutex_);
  pages_.given_back(*run);
  return size_bytes;
}

// A piece of what is to be kept ready; false if there is enough. The last quarter of the node's memory is for
// whoever really needs it.
bool SharedArena::prepare_piece() {
  std::optional<PageSpace::Plan> plan;
  try {
    const MutexLock lock(mutex_);
    if (!prepares(keep_units_)) {
      return false;
    }
    plan = pages_.plan_ahead(piece_pages);
  } catch (const std::bad_alloc&) {
  }
  if (!plan) {
    return false;
  }
  const std::uint64_t most_bytes = segment_->geometry().memory_bytes / 4 * 3;
  const std::uint64_t size_bytes = plan->extra * page_bytes;
  if (segment_->committed_bytes() + size_bytes > most_bytes || !commit(*plan)) {
    const MutexLock lock(mutex_);
    pages_.refused(*plan);
    short_ = true;
    return false;
  }
  static_cast<void>(::madvise(base_ + begin_ + plan->block.first * page_bytes, size_bytes, populate_write));
  prepared_bytes_.fetch_add(size_bytes, std::memory_order_release);
  const MutexLock lock(mutex_);
  pages_.committed(*plan);
  static_cast<void>(books_changed());
  return true;
}

// When a window ends, what was not needed in it and the one before becomes surplus.
SharedArena::Moment SharedArena::look(Moment now) {
  const MutexLock lock(mutex_);
  if (pages_.free_units() <= keep_units_) {
    watched_ = false;
    window_ends_ = Moment::max();
    return Moment::max();
  }
  if (window_ends_ == Moment::max()) {
    lowest_.start(pages_.free_units());
    window_ends_ = now + window;
  } else if (now >= window_ends_) {
    const std::uint64_t lowest = lowest_.turn(pages_.free_units());
    window_ends_ = now + window;
    if (lowest > keep_units_) {
      static_cast<void>(retire_slabs());
      surplus_units_ = lowest - keep_units_;
      return Moment::min();
    }
  }
  return window_ends_;
}

std::byte* SharedArena::data(std::uint64_t offset) const noexcept {
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

ArenaUsage SharedArena::usage() const {
  const MutexLock lock(mutex_);
  return usage_now();
}

ArenaUsage SharedArena::usage_now() const {
  const std::uint64_t adopted = adopted_.used_bytes();
  const std::uint64_t used = used_bytes_ + adopted;
  const std::uint64_t committed = pages_.committed_pages() * page_bytes + adopted + adopted_.unused_bytes();
  const std::uint64_t longest = pages_.longest_free() * page_bytes;
  return {.limit = segment_->geometry().memory_bytes,
          .node_committed = segment_->committed_bytes(),
          .committed = committed,
          .used = used,
          .free = committed - used,
          .largest_free = std::max(longest, slabs_.largest())};
}

}  // namespace locum::shm
