#include "shm/segment/available_memory.hpp"

#include <linux/magic.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <fstream>
#include <limits>
#include <sstream>
#include <string>

namespace locum::shm {
namespace {

constexpr std::uint64_t unlimited = std::numeric_limits<std::uint64_t>::max();

// The number in a one-line file; "max" means no limit in cgroup v2.
std::optional<std::uint64_t> number_in(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::string word;
  if (!(file >> word)) {
    return std::nullopt;
  }
  if (word == "max") {
    return unlimited;
  }
  std::uint64_t number = 0;
  return std::istringstream(word) >> number ? std::optional(number) : std::nullopt;
}

// The number behind `key` in a file of "key number" lines.
std::optional<std::uint64_t> number_of(const std::filesystem::path& path, const std::string& key) {
  std::ifstream file(path);
  std::string line;
  while (std::getline(file, line)) {
    std::istringstream words(line);
    std::string name;
    std::uint64_t number = 0;
    if (words >> name >> number && name == key) {
      return number;
    }
  }
  return std::nullopt;
}

// Available memory of one group. The pages of memory shared by processes are in neither of the two lists.
std::uint64_t left_by(const std::filesystem::path& group, CgroupVersion version) {
  const bool is_first = version == CgroupVersion::v1;
  const auto usage = number_in(group / (is_first ? "memory.usage_in_bytes" : "memory.current"));
  auto limit = number_in(group / (is_first ? "memory.limit_in_bytes" : "memory.max"));
  if (const auto high = is_first ? std::nullopt : number_in(group / "memory.high")) {
    limit = std::min(limit.value_or(unlimited), *high);
  }
  if (!limit || !usage) {
    return unlimited;
  }
  std::uint64_t droppable = 0;
  for (const char* const list : {"inactive_file", "active_file"}) {
    droppable += number_of(group / "memory.stat", (is_first ? "total_" : "") + std::string(list)).value_or(0);
  }
  const std::uint64_t used = *usage - std::min(*usage, droppable);
  return *limit - std::min(*limit, used);
}

std::uint64_t left_by_cgroups() {
  std::uint64_t left = unlimited;
  std::ifstream file("/proc/self/cgroup");
  std::string line;
  while (std::getline(file, line)) {  // hierarchy:controllers:path
    const auto first = line.find(':');
    const auto second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) {
      continue;
    }
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const std::string path = line.substr(second + 1);
    if (controllers.empty()) {
      left = std::min(left, memory_left_by_cgroup("/sys/fs/cgroup", path, CgroupVersion::v2));
    } else if (("," + controllers + ",").find(",memory,") != std::string::npos) {
      left = std::min(left, memory_left_by_cgroup("/sys/fs/cgroup/memory", path, CgroupVersion::v1));
    }
  }
  return left;
}

}  // namespace

// In a container the path may name groups that are not mounted: they are skipped, and the root of the mount
// is the container's own.
std::uint64_t memory_left_by_cgroup(const std::filesystem::path& mount, const std::filesystem::path& group,
                                    CgroupVersion version) {
  std::uint64_t left = unlimited;
  for (std::filesystem::path path = group.relative_path();; path = path.parent_path()) {
    left = std::min(left, left_by(mount / path, version));
    if (path.empty()) {
      return left;
    }
  }
}

std::optional<std::uint64_t> available_memory() {
  const auto available_kib = number_of("/proc/meminfo", "MemAvailable:");
  if (!available_kib) {
    return std::nullopt;
  }
  const std::uint64_t swap_kib = number_of("/proc/meminfo", "SwapFree:").value_or(0);
  return std::min((*available_kib + swap_kib) * 1024, left_by_cgroups());
}

std::optional<SharedMount> shared_mount() {
  struct statfs type {};
  struct statvfs space {};
  if (::statfs("/dev/shm", &type) != 0 || static_cast<unsigned long>(type.f_type) != TMPFS_MAGIC ||
      ::statvfs("/dev/shm", &space) != 0) {
    return std::nullopt;
  }
  if (space.f_blocks == 0) {  // mounted with size=0: no limit of its own
    return SharedMount{unlimited, unlimited};
  }
  return SharedMount{space.f_blocks * space.f_frsize, space.f_bavail * space.f_frsize};
}

}  // namespace locum::shm
