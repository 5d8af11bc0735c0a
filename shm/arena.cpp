#include "shm/arena.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <limits>
#include <new>
#include <string>
#include <utility>

#include "shm/kill_point.hpp"

namespace locum::shm {
namespace {

// What the background thread commits and touches before it looks up again: a tenth of a millisecond.
constexpr std::uint64_t piece_pages = (std::uint64_t{512} << 10U) / page_bytes;
// The most that is committed beyond what was asked for while somebody waits: half a millisecond.
constexpr std::uint64_t most_waited_pages = (std::uint64_t{2} << 20U) / page_bytes;
// What an adopted arena gives back at once, to begin with: others wait for the file as long, four
// milliseconds.
constexpr std::uint64_t gap_piece_bytes = std::uint64_t{16} << 20U;
// PageRuns counts pages in 32 bits.
constexpr std::uint64_t most_pages = std::numeric_limits<std::uint32_t>::max() - 1;
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
                         std::uint64_t prepare_bytes)
    : segment_(std::move(segment)),
      base_(segment_->base()),
      first_arena_(segment_->geometry().arena_offset(0)),
      stride_(segment_->geometry().arena_offset(1) - first_arena_),  // defined beyond the last rank, too
      begin_(segment_->geometry().arena_offset(rank)),
      limit_pages_(std::min(segment_->geometry().arena_bytes / page_bytes, most_pages)),
      step_pages_(std::clamp<std::uint64_t>(pages_for(step_bytes), 1, most_waited_pages)),
      prepare_pages_(std::min(pages_for(prepare_bytes), limit_pages_)),
      adopted_(segment_->geometry().ranks) {
  if (prepare_pages_ > 0) {
    preparer_ = std::make_unique<Preparer>([this] { return prepare_piece(); });
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
    bool low = true;
    {
      const MutexLock lock(mutex_);
      const std::uint64_t pages_before = runs_.free_pages();
      offset = from_books(request);
      low = runs_.free_pages() != pages_before && prepares((prepare_pages_ + 1) / 2);
    }
    Result<Block> block = offset ? Result<Block>(Block{*offset, size_bytes}) : grow(request);
    if (prepare_pages_ > 0 && (low || !offset)) {
      preparer_->wake();
    }
    return block;
  } catch (const std::bad_alloc&) {
    return Error(Errc::out_of_memory, "this process has no memory of its own left for its arena's books");
  }
}

void SharedArena::free(const Block& block) noexcept {
  const Request request{.size_bytes = block.size_bytes};
  const std::uint64_t begin = block.offset - begin_;
  if (begin >= limit_pages_ * page_bytes) [[unlikely]] {  // also what lies before begin_
    return free_adopted(block);
  }
  const MutexLock lock(mutex_);
  used_bytes_ -= request.small ? slabs_.block_bytes(begin) : request.rounded_bytes;
  if (!request.small) {
    runs_.give(begin / page_bytes, request.pages);
  } else if (const auto slab = slabs_.free(begin)) {
    runs_.give(slab->first, slab->count);
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
  const auto first_page = runs_.take(request.pages);
  return first_page ? std::optional(cut(request, *first_page)) : std::nullopt;
}

// The block that was asked for, out of pages that are nobody's: those of a new slab, or its own.
std::uint64_t SharedArena::cut(const Request& request, std::uint64_t first_page) {
  std::uint64_t begin = first_page * page_bytes;
  if (request.small) {
    try {
      slabs_.add(request.index, first_page);
    } catch (...) {
      runs_.give(first_page, request.pages);
      throw;
    }
    begin = slabs_.allocate(request.index).value_or(begin);
  }
  used_bytes_ += request.rounded_bytes;
  return begin_ + begin;
}

// Commits what is missing behind the free pages at the arena's end; if that cannot be had, once more with the
// pages of empty slabs that were kept for their size.
Result<Block> SharedArena::grow(const Request& request) {
  const MutexLock growing(growing_);
  Result<Block> block = grow_end(request);
  if (block || !give_back_kept_slabs()) {
    return block;
  }
  return grow_end(request);
}

Result<Block> SharedArena::grow_end(const Request& request) {
  std::uint64_t tail = 0;
  std::uint64_t end = 0;
  std::uint64_t missing = 0;
  std::uint64_t extra = 0;
  {
    const MutexLock lock(mutex_);
    if (const auto offset = from_books(request)) {  // who held growing_ before us has made room
      return Block{*offset, request.size_bytes};
    }
    end = end_page_;
    tail = runs_.ending_at(end);
    missing = request.pages - tail;
    if (missing > limit_pages_ - end) {
      return full(request, Error(Errc::out_of_memory, "the arena has an address range of " +
                                                          std::to_string(limit_pages_ * page_bytes) +
                                                          " bytes, by memory_bytes and reserve_bytes"));
    }
    const std::uint64_t beyond = (step_pages_ - (end + missing) % step_pages_) % step_pages_;
    extra = std::min(beyond, limit_pages_ - end - missing);
    runs_.reach(end + missing + extra);
    if (tail > 0) {
      runs_.take_ending_at(end, tail);
    }
  }

  const std::uint64_t offset = begin_ + end * page_bytes;
  auto committed = segment_->commit(offset, (missing + extra) * page_bytes);
  if (!committed && extra > 0) {
    extra = 0;
    committed = segment_->commit(offset, missing * page_bytes);
  }

  const MutexLock lock(mutex_);
  if (!committed) {
    if (tail > 0) {
      runs_.give(end - tail, tail);
    }
    return full(request, committed.error());
  }
  refused_ = false;
  end_page_ = end + missing + extra;
  if (extra > 0) {
    runs_.give(end + missing, extra);
  }
  return Block{cut(request, end - tail), request.size_bytes};
}

bool SharedArena::give_back_kept_slabs() {
  const MutexLock lock(mutex_);
  bool any = false;
  while (const auto slab = slabs_.give_back()) {
    runs_.give(slab->first, slab->count);
    any = true;
  }
  return any;
}

Error SharedArena::full(const Request& request, const Error& reason) const {
  const ArenaUsage now = usage_now();
  return Error(Errc::out_of_memory,
               "no memory for a block: asked for " + std::to_string(request.size_bytes) +
                   " bytes; this process has " + std::to_string(now.used) + " used and " +
                   std::to_string(now.free) + " free (the largest piece " + std::to_string(now.largest_free) +
                   "), the node has " + std::to_string(now.node_committed) +
                   " committed of memory_bytes = " + std::to_string(now.limit),
               reason.detail().empty() ? reason.text() : reason.text() + ": " + reason.detail());
}

// Whether the background thread has something to do while less than this is ready at the arena's end. The
// last quarter of the node's memory is for whoever really needs it.
bool SharedArena::prepares(std::uint64_t below_pages) const {
  const std::uint64_t most_bytes = segment_->geometry().memory_bytes / 4 * 3;
  return prepare_pages_ > 0 && !refused_ && end_page_ < limit_pages_ &&
         runs_.ending_at(end_page_) < below_pages &&
         segment_->committed_bytes() + piece_pages * page_bytes <= most_bytes;
}

bool SharedArena::prepare_piece() {
  std::uint64_t end = 0;
  std::uint64_t pages = 0;
  {
    const MutexLock growing(growing_);
    {
      const MutexLock lock(mutex_);
      if (!prepares(prepare_pages_)) {
        return false;
      }
      end = end_page_;
      pages = std::min(piece_pages, limit_pages_ - end);
      try {
        runs_.reach(end + pages);
      } catch (const std::bad_alloc&) {
        refused_ = true;
        return false;
      }
    }
    const auto committed = segment_->commit(begin_ + end * page_bytes, pages * page_bytes);
    const MutexLock lock(mutex_);
    if (!committed) {
      refused_ = true;
      return false;
    }
    end_page_ = end + pages;
    runs_.give(end, pages);
  }
  // Others may have these pages by now, and write: touching them so changes no byte.
  static_cast<void>(
      ::madvise(segment_->base() + begin_ + end * page_bytes, pages * page_bytes, populate_write));
  prepared_bytes_.fetch_add(pages * page_bytes, std::memory_order_release);
  return true;
}

Result<void> SharedArena::adopt(std::uint32_t rank, std::span<const Block> used) {
  const Geometry& geometry = segment_->geometry();
  const std::uint64_t begin = geometry.arena_offset(rank);
  if (rank >= geometry.ranks || begin == begin_) {
    return Error(Errc::invalid_argument,
                 "node rank " + std::to_string(rank) + " has no arena that this process could adopt");
  }
  const MutexLock lock(adopting_);
  try {
    auto pages = std::make_unique<AdoptedPages>(begin, geometry.arena_bytes, used);
    adopted_bytes_.fetch_add(pages->used_bytes(), std::memory_order_relaxed);
    if (adopted_[rank]) {
      adopted_bytes_.fetch_sub(adopted_[rank]->used_bytes(), std::memory_order_relaxed);
    }
    adopted_[rank] = std::move(pages);
  } catch (const std::bad_alloc&) {
    return Error(Errc::out_of_memory,
                 "this process has no memory of its own left for the books of a dead one's arena");
  }
  segment_->share(rank).surplus_bytes.store(0, std::memory_order_relaxed);
  LOCUM_KILL_POINT("adopt arena: nothing is asked of it any more");
  adopted_[rank]->for_each_gap([&](const AdoptedPages::Pages& gap) {
    give_back_gap(begin + gap.first * page_bytes, begin + gap.end * page_bytes);
  });
  LOCUM_KILL_POINT("adopt arena: all gaps given back");
  return {};
}

// Most of what a dead process may have had was never committed: where nothing comes back, steps grow.
void SharedArena::give_back_gap(std::uint64_t begin, std::uint64_t end) noexcept {
  std::uint64_t piece_bytes = gap_piece_bytes;
  while (end - begin > piece_bytes) {
    const std::uint64_t before = segment_->committed_bytes();
    segment_->give_back(begin, piece_bytes);
    LOCUM_KILL_POINT("adopt arena: a piece given back");
    begin += piece_bytes;
    piece_bytes = segment_->committed_bytes() < before ? gap_piece_bytes : 2 * piece_bytes;
  }
  segment_->give_back(begin, end - begin);
}

void SharedArena::free_adopted(const Block& block) noexcept {
  if (!contains(block.offset, block.size_bytes)) {
    return;
  }
  const std::uint64_t rank = (block.offset - first_arena_) / stride_;
  const std::uint64_t begin = first_arena_ + rank * stride_;
  const MutexLock lock(adopting_);
  AdoptedPages* const pages = adopted_[rank].get();
  if (pages == nullptr || !pages->holds(block)) {
    return;  // its table entry was overwritten: what it names is not known to be unused
  }
  const std::uint64_t before = pages->used_bytes();
  pages->free(block, [&](const AdoptedPages::Pages& unused) {
    give_back_gap(begin + unused.first * page_bytes, begin + unused.end * page_bytes);
  });
  adopted_bytes_.fetch_sub(before - pages->used_bytes(), std::memory_order_relaxed);
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
  const std::uint64_t adopted = adopted_bytes_.load(std::memory_order_relaxed);
  const std::uint64_t used = used_bytes_ + adopted;
  const std::uint64_t committed = end_page_ * page_bytes + adopted;
  const std::uint64_t longest = runs_.longest() * page_bytes;
  return {.limit = segment_->geometry().memory_bytes,
          .node_committed = segment_->committed_bytes(),
          .committed = committed,
          .used = used,
          .free = committed - used,
          .largest_free = std::max(longest, slabs_.largest())};
}

}  // namespace locum::shm
