#include "shm/adopted_arenas.hpp"

#include <algorithm>
#include <new>
#include <string>
#include <utility>

#include "shm/kill_point.hpp"

namespace locum::shm {
namespace {
// What is given back at once, to begin with: others wait for the file as long, four milliseconds.
constexpr std::uint64_t first_piece_bytes = std::uint64_t{16} << 20U;
}  // namespace

AdoptedArenas::AdoptedArenas(std::shared_ptr<Segment> segment, std::uint32_t own)
    : segment_(std::move(segment)), own_(own), arenas_(segment_->geometry().ranks) {}

Result<void> AdoptedArenas::adopt(std::uint32_t rank, std::span<const Block> used) {
  const Geometry& geometry = segment_->geometry();
  if (rank >= geometry.ranks || rank == own_) {
    return Error(Errc::invalid_argument,
                 "node rank " + std::to_string(rank) + " has no arena that this process could adopt");
  }
  const std::uint64_t begin = geometry.arena_offset(rank);
  const MutexLock lock(mutex_);
  try {
    auto pages = std::make_unique<AdoptedPages>(begin, geometry.arena_bytes, used);
    const std::uint64_t before = arenas_[rank] ? arenas_[rank]->used_bytes() : 0;
    used_bytes_.fetch_add(pages->used_bytes() - before, std::memory_order_relaxed);
    arenas_[rank] = std::move(pages);
  } catch (const std::bad_alloc&) {
    return Error(Errc::out_of_memory,
                 "this process has no memory of its own left for the books of a dead one's arena");
  }
  segment_->share(rank).surplus_bytes.store(0, std::memory_order_relaxed);
  LOCUM_KILL_POINT("adopt arena: nothing is asked of it any more");
  arenas_[rank]->for_each_gap([&](const AdoptedPages::Pages& gap) {
    give_back(begin + gap.first * page_bytes, begin + gap.end * page_bytes);
  });
  LOCUM_KILL_POINT("adopt arena: all gaps given back");
  return {};
}

void AdoptedArenas::free(const Block& block) noexcept {
  const Geometry& geometry = segment_->geometry();
  const std::uint64_t first = geometry.arena_offset(0);
  const std::uint64_t stride = geometry.arena_offset(1) - first;  // defined beyond the last rank, too
  if (block.offset < first || (block.offset - first) / stride >= geometry.ranks) {
    return;
  }
  const std::uint64_t rank = (block.offset - first) / stride;
  const std::uint64_t begin = first + rank * stride;
  const MutexLock lock(mutex_);
  AdoptedPages* const pages = arenas_[rank].get();
  if (pages == nullptr || !pages->holds(block)) {
    return;  // its table entry was overwritten: what it names is not known to be unused
  }
  const std::uint64_t before = pages->used_bytes();
  pages->free(block, [&](const AdoptedPages::Pages& unused) {
    give_back(begin + unused.first * page_bytes, begin + unused.end * page_bytes);
  });
  used_bytes_.fetch_sub(before - pages->used_bytes(), std::memory_order_relaxed);
}

// Most of what a dead process may have had was never committed: where nothing comes back, pieces grow.
void AdoptedArenas::give_back(std::uint64_t begin, std::uint64_t end) noexcept {
  std::uint64_t piece_bytes = first_piece_bytes;
  while (end - begin > piece_bytes) {
    const std::uint64_t before = segment_->committed_bytes();
    segment_->give_back(begin, piece_bytes);
    begin += piece_bytes;
    piece_bytes = segment_->committed_bytes() < before ? first_piece_bytes : 2 * piece_bytes;
  }
  segment_->give_back(begin, end - begin);
}

}  // namespace locum::shm
