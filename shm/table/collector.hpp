#pragma once

#include <chrono>
#include <cstdint>
#include <memory>

#include "core/ports/arena.hpp"
#include "core/value/deadline.hpp"
#include "shm/segment/segment.hpp"
#include "shm/table/object_table.hpp"

namespace locum::shm {

/// Frees objects that others evicted, or that were still viewed when evicted, for a process that allocates
/// nothing itself: within a window of the eviction, and at once when another process lacks memory, or
/// room in the budget of a store. Objects still viewed then are checked again and again, at an interval that
/// doubles without success, up to a minute. Without dead objects it never needs to be called. One thread
/// calls.
class Collector {
 public:
  using Moment = Deadline::Clock::time_point;
  /// By that time after an eviction the owner's own calls have usually collected already.
  static constexpr std::chrono::milliseconds window{2000};
  static constexpr std::chrono::milliseconds longest_window{60'000};

  /// Listens from now on (shm/death/eviction_notice.hpp). `own` is this process's node rank.
  Collector(const std::shared_ptr<Segment>& segment, std::uint32_t own, std::shared_ptr<ObjectTable> table);

  /// One bounded piece of the work at `now`, freed into `arena`; all of it, if another process has `called`
  /// for memory. Returns when there may be more: Moment::min() at once, Moment::max() when the bell rings.
  [[nodiscard]] Moment work(Arena& arena, Moment now, bool called);

 private:
  [[nodiscard]] bool look(Arena& arena, bool called);
  void listen(Moment now);

  const std::shared_ptr<ObjectTable> table_;
  Word32& listens_;
  const Word32& calls_;  ///< requests for the budget of a store
  std::uint32_t heard_;
  Moment due_ = Moment::max();              // of the next check
  std::chrono::milliseconds wait_{window};  // for objects still viewed at the last one
  std::size_t known_ = 0;                   // dead entries when the check began
  std::size_t to_look_at_ = 0;              // entries left to check
};

}  // namespace locum::shm
