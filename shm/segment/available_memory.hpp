#pragma once

#include <cstdint>
#include <optional>

namespace locum::shm {

/// Bytes that this process could still fill without waking the machine's or its control group's killer: the
/// smaller of what the kernel calls available and what every enclosing memory cgroup (v1 or v2) leaves. A
/// reading, not a promise. Nothing where /proc is not to be had. Costs some system calls; any thread may
/// call.
[[nodiscard]] std::optional<std::uint64_t> available_memory();

/// Size and free space of the file system mounted at `/dev/shm`, if that is memory.
struct SharedMount {
  std::uint64_t size_bytes = 0;  ///< the largest number if the mount has no limit
  std::uint64_t free_bytes = 0;
};
[[nodiscard]] std::optional<SharedMount> shared_mount();

}  // namespace locum::shm
