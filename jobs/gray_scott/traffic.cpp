#include "jobs/gray_scott/traffic.hpp"

#include <array>
#include <cstdint>
#include <string>

namespace gray_scott {

std::vector<PathTraffic> gather_traffic(const locum::Metrics& metrics, MPI_Comm world) {
  std::vector<std::uint64_t> counts;
  for (const auto* traffic : {&metrics.writes, &metrics.reads}) {
    for (const auto& path : *traffic) {
      counts.push_back(path.operations);
      counts.push_back(path.bytes);
    }
  }
  std::vector<std::uint64_t> sums(counts.size());
  MPI_Reduce(counts.data(), sums.data(), static_cast<int>(counts.size()), MPI_UINT64_T, MPI_SUM, 0, world);

  std::vector<PathTraffic> rows;
  for (std::size_t i = 0; i < 2 * locum::path_count; ++i) {
    if (sums[2 * i] > 0) {
      const std::string verb = i < locum::path_count ? "put " : "get ";
      rows.push_back({verb + std::string(to_string(static_cast<locum::Path>(i % locum::path_count))),
                      sums[2 * i], sums[2 * i + 1]});
    }
  }
  return rows;
}

TransferTimes gather_transfer_times(const locum::Metrics& metrics, MPI_Comm world) {
  const std::array<std::uint64_t, 2> mine{metrics.transfer_ns, metrics.waited_ns};
  std::array<std::uint64_t, 2> sums{};
  MPI_Reduce(mine.data(), sums.data(), 2, MPI_UINT64_T, MPI_SUM, 0, world);
  return {static_cast<double>(sums[0]) * 1e-9, static_cast<double>(sums[1]) * 1e-9};
}

}  // namespace gray_scott
