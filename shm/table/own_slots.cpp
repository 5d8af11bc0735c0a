#include "shm/table/own_slots.hpp"

#include <algorithm>
#include <utility>

#include "shm/segment/entry_tag.hpp"
#include "shm/segment/kill_point.hpp"

namespace locum::shm {
namespace {

constexpr std::uint64_t smallest_growth = 64 * 1024;

}  // namespace

OwnSlots::OwnSlots(std::shared_ptr<Segment> segment, std::uint32_t own)
    : segment_(std::move(segment)), own_(own), entries_(*segment_, own) {}

[[gnu::hot]] Result<std::uint32_t> OwnSlots::take(DeadEntries& dead) {
  if (!free_.empty()) {
    const std::uint32_t slot = free_.back();
    free_.pop_back();
    return slot;
  }
  if (std::uint64_t{used_} == entry_bytes_ / sizeof(Entry)) {
    if (auto grown = grow(dead); !grown) {
      return grown.error();
    }
  }
  return used_++;
}

void OwnSlots::give_back(std::uint32_t slot) noexcept {
  if (sequence_of(entries_[slot].tag.load(std::memory_order_relaxed)) != last_sequence) {
    free_.push_back(slot);
  }
}

// Pins first, entries for them next, then the count that makes them visible: a reader never accesses
// uncommitted memory.
Result<void> OwnSlots::grow(DeadEntries& dead) {
  const Geometry& geometry = segment_->geometry();
  const std::uint64_t room = Entries::most(geometry) * sizeof(Entry) - entry_bytes_;
  const std::uint64_t growth =
      std::min(std::clamp(entry_bytes_, smallest_growth, Entries::largest_growth_bytes), room);
  if (growth == 0) {
    return Error(Errc::out_of_memory,
                 "the table of objects has filled its address range; set LOCUM_RESERVE_BYTES higher");
  }
  const std::uint64_t slots = (entry_bytes_ + growth) / sizeof(Entry);
  free_.reserve(slots);
  dead.reserve(slots);
  const std::uint64_t pin_bytes = entries_.pin_bytes(slots);
  if (pin_bytes > pin_bytes_) {
    if (auto done = segment_->commit(geometry.pins_offset(own_) + pin_bytes_, pin_bytes - pin_bytes_);
        !done) {
      return done;
    }
    LOCUM_KILL_POINT("grow: pins committed");
    pin_bytes_ = pin_bytes;
  }
  if (auto done = segment_->commit(geometry.entries_offset(own_) + entry_bytes_, growth); !done) {
    return done;
  }
  LOCUM_KILL_POINT("grow: entries committed");
  entry_bytes_ += growth;
  segment_->share(own_).entries.store(entries_word(static_cast<std::uint32_t>(slots), own_),
                                      std::memory_order_release);
  LOCUM_KILL_POINT("grow: entries shown");
  return {};
}

}  // namespace locum::shm
