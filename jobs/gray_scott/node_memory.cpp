#include "jobs/gray_scott/node_memory.hpp"

#include <algorithm>
#include <fstream>
#include <string>

namespace gray_scott {

std::uint64_t needed_bytes(const DemoOptions& options, std::size_t frames_in_flight) {
  const std::uint64_t field = sizeof(double) * options.grid * options.grid * options.grid;
  const std::uint64_t frames = std::min<std::uint64_t>(frames_in_flight, options.frames());
  return 4 * field + field / 8 + frames * 2 * field;  // u and v, now and next, and their ghosts
}

std::optional<std::uint64_t> available_bytes() {
  std::ifstream meminfo("/proc/meminfo");
  std::string name;
  std::uint64_t kibibytes = 0;
  std::string unit;
  while (meminfo >> name >> kibibytes) {
    if (name == "MemAvailable:") {
      return kibibytes * 1024;
    }
    std::getline(meminfo, unit);
  }
  return std::nullopt;
}

}  // namespace gray_scott
