#pragma once

#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

namespace locum::tests {

/// Whether `call` finishes without a system call: tried in a child of this process, which the kernel kills at
/// the first one (seccomp's strict mode). The child sees the memory as it is at the moment.
template <class Call>
[[nodiscard]] bool makes_no_system_call(Call&& call) {
  const pid_t child = fork();
  if (child == 0) {
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) != 0) {
      _exit(2);
    }
    call();
    syscall(SYS_exit, 0);
  }
  int status = 0;
  return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace locum::tests
