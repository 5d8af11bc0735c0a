#pragma once

#include <cstdint>
#include <optional>

namespace locum::shm {

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
