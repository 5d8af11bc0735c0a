#pragma once

#include <sys/types.h>

#include <memory>

#include "core/detail/session_state.hpp"

namespace locum::shm {

/// Closes a session in processes forked from this one, and only there, as long as anything owns that session:
/// a child shares the memory of the node, but it is not a rank, has none of the library's threads, and must
/// not touch the rank's pins. Owned by the runtime; any thread may fork.
class ForkGuard {
 public:
  explicit ForkGuard(std::shared_ptr<detail::SessionState> session);
  ForkGuard(const ForkGuard&) = delete;
  ForkGuard& operator=(const ForkGuard&) = delete;
  ~ForkGuard() = default;

  /// The session has ended: releases it. May be called more than once.
  void release() noexcept { session_.reset(); }
  /// Whether this process was forked from the one that made the guard.
  [[nodiscard]] bool in_child() const noexcept;

 private:
  std::shared_ptr<detail::SessionState> session_;
  const pid_t maker_;
};

}  // namespace locum::shm
