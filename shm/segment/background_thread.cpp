#include "shm/segment/background_thread.hpp"

#include <pthread.h>
#include <signal.h>  // NOLINT(modernize-deprecated-headers): pthread_sigmask is not in <csignal>
#include <unistd.h>

#include <utility>

namespace locum::shm {
namespace {

// Synchronous signals cannot be delivered while blocked: the system would end the process.
sigset_t signals_to_the_process() noexcept {
  sigset_t signals;
  ::sigfillset(&signals);
  for (const int own : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS}) {
    ::sigdelset(&signals, own);
  }
  return signals;
}

// A new thread inherits the signal mask of the starting thread.
std::thread start(const char* name, std::function<void()> body) {
  const sigset_t others = signals_to_the_process();
  sigset_t before;
  ::pthread_sigmask(SIG_SETMASK, &others, &before);
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
  const sigset_t others = signals_to_the_process();
  ::pthread_sigmask(SIG_SETMASK, &others, nullptr);
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
