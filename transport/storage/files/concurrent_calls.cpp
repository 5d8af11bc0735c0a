#include "transport/storage/files/concurrent_calls.hpp"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <vector>

#include "core/base/background_thread.hpp"

namespace locum::storage {

namespace {

constexpr std::size_t most_threads_of_a_call = 16;

std::size_t processors_of_this_process() noexcept {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  return ::sched_getaffinity(0, sizeof allowed, &allowed) == 0
             ? static_cast<std::size_t>(std::max(CPU_COUNT(&allowed), 1))
             : 1;
}

}  // namespace

// A thread that the system does not allow is done without: the others take what it would have done.
void call_concurrently(std::size_t count, const std::function<void(std::size_t index)>& call) {
  std::atomic<std::size_t> next{0};
  const auto work = [&] {
    for (std::size_t index = next++; index < count; index = next++) {
      call(index);
    }
  };
  std::vector<BackgroundThread> others(
      std::min({count, processors_of_this_process(), most_threads_of_a_call}) - (count > 0 ? 1 : 0));
  for (BackgroundThread& other : others) {
    if (!other.start("locum files", work)) {
      break;
    }
  }
  work();
}

}  // namespace locum::storage
