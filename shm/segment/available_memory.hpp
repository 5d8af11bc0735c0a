#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

namespace locum::shm {

/// How the files of a memory cgroup are named, and what they mean.
enum class CgroupVersion : std::uint8_t { v1, v2 };
/// Bytes that a memory cgroup and all that enclose it leave, below the folder where they are mounted; the
/// largest number: none of them has a limit. Page cache that the kernel gives back, whether it was used
/// lately or not, counts as free. Above `memory.high` (v2) processes are slowed down until they hardly run:
/// it is a limit like `memory.max`.
[[nodiscard]] std::uint64_t memory_left_by_cgroup(const std::filesystem::path& mount,
                                                  const std::filesystem::path& group, CgroupVersion version);

/// Bytes that this process could still fill without triggering the out-of-memory killer of the machine or its
/// control group: the smaller of the kernel's available memory and that of every enclosing memory cgroup (v1
/// or v2). A snapshot, not a guarantee. None without /proc. Costs some system calls; any thread may call.
[[nodiscard]] std::optional<std::uint64_t> available_memory();

/// Size and free space of the file system mounted at `/dev/shm`, if that is in memory.
struct SharedMount {
  std::uint64_t size_bytes = 0;  ///< the largest number if the mount has no limit
  std::uint64_t free_bytes = 0;
};
[[nodiscard]] std::optional<SharedMount> shared_mount();

}  // namespace locum::shm
