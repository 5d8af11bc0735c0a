#include "transport/storage/fork_guard.hpp"

#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <string>

#include "core/detail/session_list.hpp"
#include "core/value/error.hpp"

namespace locum::storage {

namespace {

// For the handler of exit(), which like those of fork() is a function without an object.
std::atomic<bool> is_child{false};

void after_fork_in_child() {
  is_child.store(true, std::memory_order_relaxed);
  detail::disown_sessions();
}

void leave_child(int status, void* /*unused*/) {
  if (is_child.load(std::memory_order_relaxed)) {
    std::cout.flush();
    std::clog.flush();
    static_cast<void>(std::fflush(nullptr));
    ::_exit(status);
  }
}

Result<void> result_of(int error_number, const char* failed) {
  return error_number == 0
             ? Result<void>()
             : Error(Errc::system, std::string(failed) + "; free memory on this node, and try again",
                     std::strerror(error_number));
}

}  // namespace

Result<void> guard_forks() {
  static const int refused =
      ::pthread_atfork(detail::hold_sessions, detail::release_sessions, after_fork_in_child);
  return result_of(refused, "the system cannot be told to report forks");
}

Result<void> end_children_early() {
  return result_of(::on_exit(leave_child, nullptr) == 0 ? 0 : ENOMEM,
                   "the system cannot be told what is to be done at the end of the process");
}

ForkGuard::ForkGuard() {
  guard_forks().value();
}

}  // namespace locum::storage
