// A thread of the library begins with its mask: a signal to the process that comes before its first
// instruction is for the application as well. So the thread that starts it has that mask for so long.
#include <dlfcn.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <signal.h>  // NOLINT(modernize-deprecated-headers): pthread_sigmask is not in <csignal>

#include <vector>

#include "core/base/background_thread.hpp"

namespace {

using Routine = void* (*)(void*);
using Create = int (*)(pthread_t*, const pthread_attr_t*, Routine, void*);

/// The masks with which threads were started.
std::vector<sigset_t>& masks() {
  static std::vector<sigset_t> all;
  return all;
}

}  // namespace

// Replaces the C library's function, and calls it.
extern "C" int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, Routine routine,
                              void* argument) noexcept {
  static const auto create = reinterpret_cast<Create>(::dlsym(RTLD_NEXT, "pthread_create"));
  sigset_t mask;
  ::pthread_sigmask(SIG_SETMASK, nullptr, &mask);
  masks().push_back(mask);
  return create(thread, attributes, routine, argument);
}

namespace locum {
namespace {

TEST(ThreadMask, IsThatOfTheStartingThread) {
  masks().clear();
  BackgroundThread thread;
  ASSERT_TRUE(thread.start("locum test", [] {}));
  thread.join();
  ASSERT_EQ(masks().size(), 1U);
  for (const int signal : {SIGTERM, SIGINT, SIGALRM, SIGUSR1, SIGCHLD}) {
    EXPECT_EQ(::sigismember(masks().data(), signal), 1) << signal;
  }
  sigset_t mine;
  ::pthread_sigmask(SIG_SETMASK, nullptr, &mine);
  EXPECT_EQ(::sigismember(&mine, SIGTERM), 0);
}

}  // namespace
}  // namespace locum
