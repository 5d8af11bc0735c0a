#pragma once

#include <memory>

#include "core/session.hpp"

namespace locum::mpi {

/// Closes a session in the processes that are forked from this one, and only there: a child shares the memory
/// of the node, but it is not a rank, has none of the library's threads, and must not touch what the rank has
/// pinned. Owned by the runtime; any thread may fork.
class ForkGuard {
 public:
  explicit ForkGuard(std::shared_ptr<Session> session);
  ForkGuard(const ForkGuard&) = delete;
  ForkGuard& operator=(const ForkGuard&) = delete;
  ~ForkGuard();

 private:
  const std::shared_ptr<Session> session_;
};

}  // namespace locum::mpi
