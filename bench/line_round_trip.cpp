#include "bench/line_round_trip.hpp"

#include <atomic>
#include <cstdint>
#include <vector>

#include "bench/interleave.hpp"
#include "bench/world.hpp"

namespace locum::bench {

double line_round_trip_ns() {
  constexpr std::uint64_t runs = 51;
  constexpr std::uint64_t trips = 500;
  const SharedWindow window(64);
  auto& line = *reinterpret_cast<std::atomic<std::uint64_t>*>(window.of(0).data());
  const auto until = [&line](std::uint64_t value) {
    while (line.load(std::memory_order_acquire) != value) {
    }
  };
  double result = 0;
  if (world_rank() == 0) {
    std::vector<double> samples;
    std::uint64_t turn = 0;
    for (std::uint64_t run = 0; run < runs; ++run) {
      samples.push_back(timed([&] {
                          for (std::uint64_t trip = 0; trip < trips; ++trip) {
                            line.store(++turn, std::memory_order_release);
                            until(++turn);
                          }
                        }) /
                        static_cast<double>(trips) * 1e9);
    }
    result = median(samples);
  } else if (world_rank() == 1) {
    for (std::uint64_t turn = 1; turn < 2 * runs * trips; turn += 2) {
      until(turn);
      line.store(turn + 1, std::memory_order_release);
    }
  }
  return slowest(result);
}

}  // namespace locum::bench
