#include "shm/process_identity.hpp"

#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace locum::shm {

ProcessIdentity ProcessIdentity::own() noexcept {
  ProcessIdentity identity{.number = static_cast<std::uint64_t>(::getpid())};
  struct stat facts {};
  if (::stat("/proc/self/ns/pid", &facts) == 0) {
    identity.name_space = facts.st_ino;
  }
  return identity;
}

Descriptor ProcessIdentity::watched() const noexcept {
  if (name_space == 0 || name_space != own().name_space) {
    return {};
  }
#ifdef SYS_pidfd_open
  return Descriptor(static_cast<int>(::syscall(SYS_pidfd_open, static_cast<pid_t>(number), 0U)));
#else
  return {};
#endif
}

}  // namespace locum::shm
