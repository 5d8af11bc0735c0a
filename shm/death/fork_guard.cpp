#include "shm/death/fork_guard.hpp"

#include <pthread.h>
#include <unistd.h>

#include <cerrno>
#include <mutex>
#include <utility>
#include <vector>

namespace locum::shm {
namespace {

// Data for the fork handlers. pthread_atfork takes functions without arguments and keeps them until the
// process ends, so this is global, too; it is never destroyed.
struct Guarded {
  std::mutex mutex;
  std::vector<std::weak_ptr<detail::SessionState>> sessions;
};

Guarded& guarded() {
  static auto* const all = new Guarded;
  return *all;
}

// No thread may be changing the list while it is copied into the child.
void before_fork() {
  guarded().mutex.lock();
}
void after_fork_in_parent() {
  guarded().mutex.unlock();
}
void after_fork_in_child() {
  // Never the last owner: references that a thread of the parent was about to release remain here.
  for (const std::weak_ptr<detail::SessionState>& guarded_session : guarded().sessions) {
    if (const auto session = guarded_session.lock()) {
      session->disown();
    }
  }
  guarded().mutex.unlock();
}

}  // namespace

ForkGuard::ForkGuard(std::shared_ptr<detail::SessionState> session)
    : session_(std::move(session)), maker_(::getpid()) {
  static const int refused = ::pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
  if (refused != 0) {
    throw system_error("the system does not report forks", refused);
  }
  const std::lock_guard lock(guarded().mutex);
  std::erase_if(guarded().sessions, [](const auto& known) { return known.expired(); });
  guarded().sessions.push_back(session_);
}

bool ForkGuard::in_child() const noexcept {
  return ::getpid() != maker_;
}

}  // namespace locum::shm
