#include "core/base/background_thread.hpp"

#include <pthread.h>
#include <signal.h>  // NOLINT(modernize-deprecated-headers): pthread_sigmask is not in <csignal>

#include <exception>
#include <memory>
#include <utility>

namespace locum {

namespace {

// All but those of a thread's own faults: the system would end a process in which one is blocked.
sigset_t signals_to_the_process() noexcept {
  sigset_t signals;
  ::sigfillset(&signals);
  for (const int own : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS}) {
    ::sigdelset(&signals, own);
  }
  return signals;
}

/// Blocks them in the calling thread during its lifetime: a thread that this one starts meanwhile begins with
/// this mask.
class BlockedSignals {
 public:
  BlockedSignals() noexcept {
    const sigset_t signals = signals_to_the_process();
    ::pthread_sigmask(SIG_BLOCK, &signals, &before_);
  }
  BlockedSignals(const BlockedSignals&) = delete;
  BlockedSignals& operator=(const BlockedSignals&) = delete;
  ~BlockedSignals() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_;
};

}  // namespace

BackgroundThread& BackgroundThread::operator=(BackgroundThread&& other) noexcept {
  join();
  maker_ = other.maker_;
  thread_ = std::move(other.thread_);
  return *this;
}

Result<void> BackgroundThread::start(const char* name, std::function<void()> body) noexcept {
  join();  // forgets what was inherited
  try {
    maker_ = ForkMark();
    const BlockedSignals blocked;
    thread_ = std::thread([name, run = std::move(body)] {
      const sigset_t signals = signals_to_the_process();
      ::pthread_sigmask(SIG_SETMASK, &signals, nullptr);  // who starts it may have blocked others, too
      ::pthread_setname_np(::pthread_self(), name);
      run();
    });
  } catch (const std::exception& failure) {
    return Error(Errc::system,
                 "this process cannot start more threads, or has no address space for their stacks; raise "
                 "`ulimit -u`, pids.max of its control group, or `ulimit -v`",
                 failure.what());
  }
  return {};
}

bool BackgroundThread::is_started() const noexcept {
  return thread_.joinable() && !maker_.in_child();
}

bool BackgroundThread::is_current() const noexcept {
  return thread_.get_id() == std::this_thread::get_id();
}

void BackgroundThread::join() noexcept {
  if (is_current()) {
    detach();
  } else if (is_started()) {
    thread_.join();
  } else {
    std::construct_at(&thread_);
  }
}

// In a forked process its number may be that of another thread by now: it is overwritten, not destroyed.
void BackgroundThread::detach() noexcept {
  if (is_started()) {
    thread_.detach();
  } else {
    std::construct_at(&thread_);
  }
}

}  // namespace locum
