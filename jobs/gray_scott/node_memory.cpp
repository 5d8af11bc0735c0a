#include "jobs/gray_scott/node_memory.hpp"

#include <algorithm>
#include <fstream>
#include <string>

namespace gray_scott {

namespace {

std::uint64_t field_bytes(const DemoOptions& options) {
  return sizeof(double) * options.grid * options.grid * options.grid;
}

}  // namespace

std::uint64_t frames_bytes(const DemoOptions& options) {
  const std::uint64_t frames = std::min(options.streams() * frames_of_a_stream, options.own_frames());
  return frames * 2 * field_bytes(options);
}

std::uint64_t states_memory_bytes(const DemoOptions& options) {
  constexpr std::uint64_t of_a_rank = 32 << 20;
  const auto ranks = static_cast<std::uint64_t>(options.simulation_ranks);
  return options.saves() ? 3 * 2 * field_bytes(options) * 5 / 4 + ranks * of_a_rank : 0;
}

std::uint64_t needed_bytes(const DemoOptions& options) {
  const std::uint64_t field = field_bytes(options);
  const std::uint64_t states = options.saves() ? 3 * 2 * field : 0;
  return 4 * field + field / 8 + frames_bytes(options) + states;  // u and v, now and next, and their ghosts
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
