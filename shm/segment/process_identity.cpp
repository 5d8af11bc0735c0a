#include "shm/segment/process_identity.hpp"

#include <sys/resource.h>
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

std::vector<Descriptor> watched(std::span<const ProcessIdentity> processes, std::uint32_t own) {
  std::vector<Descriptor> exits(processes.size());
  rlimit limit{};
  const bool few = ::getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur / 4 < processes.size();
  for (std::uint32_t rank = 0; rank < processes.size() && !few; ++rank) {
    if (rank != own) {
      exits[rank] = processes[rank].watched();
    }
  }
  return exits;
}

}  // namespace locum::shm
