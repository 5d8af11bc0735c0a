#include "core/base/thread_lane.hpp"

#include <atomic>
#include <bit>

namespace locum::detail {

namespace {

// Threads belong to the process, not to a runtime, so this is global, too. One bit for each lane in use.
// Returning a lane is a release and taking it an acquire: the next owner sees what the last one wrote.
constinit std::atomic<std::uint32_t> taken{0};
static_assert(shared_lane == 32);

/// Ends with its thread.
struct Lease {
  ~Lease() {
    const std::uint32_t lane = known_lane;
    known_lane = shared_lane;  // other destructors of this thread may still count
    if (lane < shared_lane) {
      taken.fetch_and(~(1U << lane), std::memory_order_release);
    }
  }
};

}  // namespace

constinit thread_local std::uint32_t known_lane = unknown_lane;

std::uint32_t take_lane() noexcept {
  std::uint32_t now = taken.load(std::memory_order_relaxed);
  std::uint32_t lane = shared_lane;
  do {
    lane = static_cast<std::uint32_t>(std::countr_one(now));
  } while (lane < shared_lane &&
           !taken.compare_exchange_weak(now, now | (1U << lane), std::memory_order_acquire,
                                        std::memory_order_relaxed));
  known_lane = lane;
  thread_local const Lease lease;  // made here, so that it ends with the thread
  static_cast<void>(lease);
  return lane;
}

}  // namespace locum::detail
