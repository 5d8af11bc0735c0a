#pragma once

#include <chrono>
#include <cstdint>
#include <memory>

#include "core/deadline.hpp"
#include "core/ports/arena.hpp"
#include "shm/segment/segment.hpp"
#include "shm/table/object_table.hpp"

namespace locum::shm {

/// Frees what others evicted, or what was still viewed when it was evicted, for a process that asks for
/// nothing itself: within a window of the eviction, and at once when another process lacks memory. What is
/// still viewed then is looked at again and again, at twice the distance each time nothing came of it, a
/// minute at most. Where nothing is dead it never asks to be called. One thread calls.
class Collector {
 public:
  using Moment = Deadline::Clock::time_point;
  /// So long after an eviction the owner's own calls have most often collected already.
  static constexpr std::chrono::milliseconds window{2000};
  static constexpr std::chrono::milliseconds longest_window{60'000};

  /// Listens from now on (shm/death/knell.hpp). `own` is this process's node rank.
  Collector(const std::shared_ptr<Segment>& segment, std::uint32_t own, std::shared_ptr<ObjectTable> table);

  /// One bounded piece of what there is to do `now`, freed into `arena`; of all of it, if somebody has
  /// `called` for memory. When there may be more: Moment::min() at once, Moment::max() when the bell rings.
  [[nodiscard]] Moment work(Arena& arena, Moment now, bool called);

 private:
  [[nodiscard]] bool look(Arena& arena, bool called);
  void listen(Moment now);

  const std::shared_ptr<ObjectTable> table_;
  Word32& listens_;
  Moment due_ = Moment::max();              // of the next look
  std::chrono::milliseconds wait_{window};  // for what was still viewed at the last one
  std::size_t known_ = 0;                   // that was dead when the look began
  std::size_t to_look_at_ = 0;              // before it is over
};

}  // namespace locum::shm
