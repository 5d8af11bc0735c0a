#pragma once

#include <sched.h>
#include <sys/mount.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>

namespace locum::tests {

/// Mounts a private `/dev/shm` of that size for the calling process, which must have a single thread; it
/// disappears with the process. Returns the reason if the system does not permit it. \param more options of
/// the mount, with a comma before them
[[nodiscard]] inline std::optional<std::string> mount_small_shared_memory(std::uint64_t size_bytes,
                                                                          const std::string& more = {}) {
  if (::unshare(CLONE_NEWNS) != 0) {
    return std::string("no mount namespace: ") + std::strerror(errno);
  }
  const std::string size = "size=" + std::to_string(size_bytes) + more;
  if (::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
      ::mount("tmpfs", "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, size.c_str()) != 0) {
    return std::string("no tmpfs at /dev/shm: ") + std::strerror(errno);
  }
  return std::nullopt;
}

}  // namespace locum::tests
