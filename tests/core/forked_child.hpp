#pragma once

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/shm/child.hpp"

namespace locum::tests {

/// Forks; the child runs `body` and exits with its return value. Returns the status of wait(); the child is
/// killed by SIGALRM if it hangs.
template <class Body>
int status_of_child(Body body) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(hangs_after_seconds);
    ::_exit(body());
  }
  int status = -1;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return status;
}

}  // namespace locum::tests
