#include "shm/death/warning_signal.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <string>

#include "tests/shm/child.hpp"

namespace locum::shm {
namespace {

// A process that a rank has forked, a helper of the program, does not look for the signal.
TEST(WarningSignal, EndsAChildOfTheRankAsBefore) {
  const auto ending = tests::in_child([]() -> std::string {
    const WarningSignal signal(SIGUSR1);
    const pid_t child = ::fork();
    if (child == 0) {
      ::raise(SIGUSR1);
      ::_exit(0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    ::raise(SIGUSR1);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGUSR1 && signal.has_come() ? "ended" : "lives on";
  });
  EXPECT_EQ(ending.said, "ended");
}

}  // namespace
}  // namespace locum::shm
