#include "bench/scaling/meeting.hpp"

#include <sched.h>

#include <chrono>
#include <stdexcept>
#include <thread>

namespace scaling {

void meet(MPI_Comm ranks, double deadline_seconds) {
  using Clock = std::chrono::steady_clock;
  constexpr int yields = 100;
  constexpr std::chrono::microseconds pause{20};
  const auto until = Clock::now() + std::chrono::duration<double>(deadline_seconds);
  MPI_Request all = MPI_REQUEST_NULL;
  MPI_Ibarrier(ranks, &all);
  int there = 0;
  for (int looks = 0;; ++looks) {
    MPI_Test(&all, &there, MPI_STATUS_IGNORE);
    if (there != 0) {
      return;
    }
    if (looks < yields) {
      sched_yield();
    } else if (Clock::now() > until) {
      throw std::runtime_error("not all ranks have come to the end of a repetition");
    } else {
      std::this_thread::sleep_for(pause);
    }
  }
}

}  // namespace scaling
