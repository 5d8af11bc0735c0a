#include "shm/arena/adopted_arenas.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "shm/segment/kill_point.hpp"

namespace locum::shm {
namespace {
// The first piece returned: others wait for the file as long, four milliseconds.
constexpr std::uint64_t first_piece_bytes = std::uint64_t{16} << 20U;
// A piece of memory freed later takes as long as a piece of other free steps: half a millisecond.
constexpr std::uint64_t unused_piece_pages = (std::uint64_t{2} << 20U) / page_bytes;
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
  std::vector<AdoptedPages::Pages> gaps;
  auto pages = std::make_unique<AdoptedPages>(begin, geometry.arena_bytes, used);
  pages->for_each_gap([&](const AdoptedPages::Pages& gap) { gaps.push_back(gap); });
  {
    const MutexLock lock(mutex_);
    arenas_[rank] = std::move(pages);
    sum_up();
  }
  segment_->share(rank).surplus_bytes.store(0, std::memory_order_relaxed);
  LOCUM_KILL_POINT("adopt arena: nothing is asked of it any more");
  for (const AdoptedPages::Pages& gap : gaps) {
    give_back(begin + gap.first * page_bytes, begin + gap.end * page_bytes);
  }
  LOCUM_KILL_POINT("adopt arena: all gaps given back");
  return {};
}

void AdoptedArenas::sum_up() noexcept {
  std::uint64_t used = 0;
  std::uint64_t unused = 0;
  for (const auto& pages : arenas_) {
    used += pages ? pages->used_bytes() : 0;
    unused += pages ? pages->unused_bytes() : 0;
  }
  used_bytes_.store(used, std::memory_order_relaxed);
  unused_bytes_.store(unused, std::memory_order_relaxed);
}

bool AdoptedArenas::free(const Block& block) noexcept {
  const Geometry& geometry = segment_->geometry();
  const std::uint64_t first = geometry.arena_offset(0);
  const std::uint64_t stride = geometry.arena_offset(1) - first;  // defined beyond the last rank, too
  if (block.offset < first || (block.offset - first) / stride >= geometry.ranks) {
    return false;
  }
  const MutexLock lock(mutex_);
  AdoptedPages* const pages = arenas_[(block.offset - first) / stride].get();
  if (pages == nullptr || !pages->holds(block)) {
    return false;  // its table entry was overwritten: its block may still be in use
  }
  const std::uint64_t before = pages->unused_bytes();
  pages->free(block);
  sum_up();
  return pages->unused_bytes() != before;
}

std::uint64_t AdoptedArenas::give_back_piece() noexcept {
  std::optional<AdoptedPages::Pages> taken;
  std::uint64_t begin = 0;
  if (unused_bytes() > 0) {
    const MutexLock lock(mutex_);
    for (std::uint32_t rank = 0; rank < arenas_.size() && !taken; ++rank) {
      if (arenas_[rank]) {
        taken = arenas_[rank]->take_unused(unused_piece_pages);
        begin = segment_->geometry().arena_offset(rank);
      }
    }
    sum_up();
  }
  if (!taken) {
    return 0;
  }
  segment_->give_back(begin + taken->first * page_bytes, (taken->end - taken->first) * page_bytes);
  return (taken->end - taken->first) * page_bytes;
}

// Most of a dead process's address range was usually never committed: after pieces without memory, pieces
// grow.
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
