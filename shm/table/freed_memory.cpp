#include "shm/table/freed_memory.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "shm/segment/futex.hpp"
#include "shm/segment/memory_notice.hpp"

namespace locum::shm {
namespace {

// The least that the node's tables take: they stay committed. No count of another process is followed further
// than its table may reach.
std::uint64_t table_bytes(const Segment& segment) {
  const Geometry& geometry = segment.geometry();
  std::uint64_t bytes = geometry.head_bytes();
  for (std::uint32_t rank = 0; rank < geometry.ranks; ++rank) {
    const Entries entries(segment, rank);
    const std::uint64_t slots = entries.committed();
    bytes += slots * sizeof(Entry) + entries.pin_bytes(slots);
  }
  for (std::uint32_t index = 0; index < shard_count; ++index) {
    const std::uint64_t records = segment.shard(index).records.load(std::memory_order_relaxed);
    bytes += std::min(records * sizeof(Record), geometry.directory_bytes);
  }
  return bytes;
}

bool is_larger(const ViewedObject& one, const ViewedObject& other) {
  return one.bytes > other.bytes;
}

}  // namespace

FreedMemory::FreedMemory(std::shared_ptr<Segment> segment, std::shared_ptr<ObjectTable> table) noexcept
    : segment_(std::move(segment)), table_(std::move(table)) {}

std::uint32_t FreedMemory::arm() noexcept {
  return await_memory(segment_->header());
}

void FreedMemory::sleep(std::uint32_t armed, Moment until) noexcept {
  futex_wait(segment_->header().memory_freed, armed, until);
}

// A heap of the largest ones, the smallest of them first.
ViewedMemory FreedMemory::viewed(std::size_t most) {
  ViewedMemory viewed;
  auto& largest = viewed.largest;
  table_->for_each_viewed([&](const Pin& pin, std::uint32_t views) {
    const std::uint64_t bytes = pin.record->block_bytes();
    viewed.bytes += bytes;
    ++viewed.objects;
    if (largest.size() == most && (most == 0 || bytes <= largest.front().bytes)) {
      return;
    }
    if (largest.size() == most) {
      std::ranges::pop_heap(largest, is_larger);
      largest.pop_back();
    }
    largest.push_back({pin.key, std::string(table_->describe(pin.id).name), bytes, views});
    std::ranges::push_heap(largest, is_larger);
  });
  std::ranges::sort_heap(largest, is_larger);
  const std::uint64_t limit = segment_->geometry().memory_bytes;
  viewed.most_bytes = limit - std::min(limit, table_bytes(*segment_));
  return viewed;
}

}  // namespace locum::shm
