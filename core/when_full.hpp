#pragma once

#include <cstdint>

namespace locum {

/// Treatment of a step for which the stream has no room. For puts, see RoomPolicy.
enum class WhenFull : std::uint8_t {
  wait,         ///< begin() waits until readers have released a step, also for the first reader
  drop_oldest,  ///< the oldest step that no reader has begun is dropped; if there is none, the new one
  drop_newest,  ///< the new step is dropped
  fail,         ///< begin() returns `queue_full` at once, on all ranks of the writer
};

}  // namespace locum
