// The background work of an arena: it commits ahead, and returns memory.
#include <algorithm>
#include <cstdint>
#include <optional>

#include "shm/arena/arena.hpp"

namespace locum::shm {
namespace {

// What the background work commits and touches in one piece: allocating calls wait as long, a quarter of a
// millisecond.
constexpr std::uint64_t piece_pages = (std::uint64_t{512} << 10U) / page_bytes;
// The least that is returned when another process asks for memory, if there is so much.
constexpr std::uint64_t least_answer_pages = (std::uint64_t{64} << 20U) / page_bytes;

}  // namespace

SharedArena::Moment SharedArena::work(Moment now) {
  const bool called = pressure_.called();
  const Moment next_collect = collect_ ? collect_(*this, now, called) : Moment::max();
  const MutexLock growing(growing_);
  if (called) {
    const MutexLock lock(mutex_);
    static_cast<void>(blocks_.retire_slabs());
    reserve_.on_request(free_units(), least_answer_pages / unit_pages_);
  }
  return empty_adopted() || give_back_piece() || prepare_piece() ? Moment::min()
                                                                 : std::min(next_collect, look(now));
}

// A piece of the memory left by freed blocks of dead processes; false if there is none. Nothing of it is
// kept.
bool SharedArena::empty_adopted() {
  const std::uint64_t bytes = adopted_.give_back_piece();
  if (bytes == 0) {
    return false;
  }
  given_back_bytes_.fetch_add(bytes, std::memory_order_release);
  bool requested = false;
  {
    const MutexLock lock(mutex_);
    static_cast<void>(books_changed());
    requested = reserve_.was_requested();
  }
  if (requested) {
    pressure_.reply();
  }
  return true;
}

// A piece of the memory to be returned; false if there is none.
bool SharedArena::give_back_piece() {
  std::uint64_t surplus_units = 0;
  {
    const MutexLock lock(mutex_);
    surplus_units = reserve_.surplus(free_units());
  }
  // None: also if there is no memory for its bookkeeping.
  const std::uint64_t bytes = surplus_units > 0 ? give_back(surplus_units * unit_pages_, true) : 0;
  bool requested = false;
  {
    const MutexLock lock(mutex_);
    requested = reserve_.was_requested();
    reserve_.gave_back(bytes / page_bytes / unit_pages_);
  }
  if (requested) {
    pressure_.reply();
  }
  return bytes > 0;
}

// A piece of at most that many free pages, rounded up to a step; the number of bytes, 0 if there is none.
std::uint64_t SharedArena::give_back(std::uint64_t most_pages, bool whole_units) {
  most_pages = std::min(most_pages, most_unit_pages);
  std::optional<PageRun> run;
  {
    const MutexLock lock(mutex_);
    run = whole_units ? blocks_.pages().surplus((most_pages + unit_pages_ - 1) / unit_pages_)
                      : blocks_.pages().any_surplus(most_pages);
    if (run) {
      leaving_pages_ += run->count;
      static_cast<void>(books_changed());
    }
  }
  if (!run) {
    return 0;
  }
  const std::uint64_t size_bytes = run->count * page_bytes;
  segment_->give_back(begin_ + run->first * page_bytes, size_bytes);
  given_back_bytes_.fetch_add(size_bytes, std::memory_order_release);
  const MutexLock lock(mutex_);
  leaving_pages_ -= run->count;
  blocks_.pages().given_back(*run);
  offer_surplus();
  return size_bytes;
}

// A piece of the memory to be kept ready; false if there is enough. The last quarter of the node's memory is
// left to real requests.
bool SharedArena::prepare_piece() {
  if (!prepares_.load(std::memory_order_relaxed)) {
    return false;
  }
  std::optional<PageSpace::Plan> plan;
  {
    const MutexLock lock(mutex_);
    if (!reserve_.lacks(free_units(), blocks_.pages().can_grow())) {
      return false;
    }
    plan = blocks_.pages().plan_ahead(piece_pages);
  }
  if (!plan) {
    return false;
  }
  const std::uint64_t most_bytes = segment_->geometry().memory_bytes / 4 * 3;
  const std::uint64_t size_bytes = plan->extra * page_bytes;
  if (segment_->committed_bytes() + size_bytes > most_bytes || !commit(*plan)) {
    const MutexLock lock(mutex_);
    blocks_.pages().refused(*plan);
    reserve_.run_short();
    return false;
  }
  segment_->map_pages(begin_ + plan->block.first * page_bytes, size_bytes);
  prepared_bytes_.fetch_add(size_bytes, std::memory_order_release);
  const MutexLock lock(mutex_);
  note_committed(*plan);
  static_cast<void>(books_changed());
  return true;
}

SharedArena::Moment SharedArena::look(Moment now) {
  const MutexLock lock(mutex_);
  const Moment next = reserve_.look(now, free_units());
  if (next == Moment::min()) {
    static_cast<void>(blocks_.retire_slabs());
  }
  return next;
}

}  // namespace locum::shm
