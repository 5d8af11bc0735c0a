#include "shm/background_thread.hpp"

#include <pthread.h>
#include <signal.h>  // NOLINT(modernize-deprecated-headers): pthread_sigmask is not in <csignal>
#include <unistd.h>

#include <utility>

namespace locum::shm {
namespace {

// A new thread inherits the mask that holds while it starts.
std::thread start(const char* name, std::function<void()> body) {
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  const struct Restore {
    const sigset_t& mask;
    ~Restore() { ::pthread_sigmask(SIG_SETMASK, &mask, nullptr); }
  } restore{before};
  return std::thread([name, run = std::move(body)] {
    become_background_thread(name);
    run();
  });
}

}  // namespace

void become_background_thread(const char* name) noexcept {
  sigset_t all;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, nullptr);
  ::pthread_setname_np(::pthread_self(), name);
}

BackgroundThread::BackgroundThread(const char* name, std::function<void()> body)
    : process_(::getpid()), thread_(start(name, std::move(body))) {}

BackgroundThread::~BackgroundThread() {
  if (process_ == ::getpid()) {
    thread_.join();
  } else {
    thread_.detach();
  }
}

}  // namespace locum::shm
