#pragma once

#include "core/base/fork_mark.hpp"
#include "core/value/result.hpp"

namespace locum::storage {

/// Closes all sessions of this process in processes that are forked from it, and only there: a child shares
/// the memory of the node and the parent's open files, but has none of its threads, and must not touch what
/// the parent uses. Called before the first session is opened; further calls have no effect. Any thread may
/// fork. `system` if the system does not report forks.
[[nodiscard]] Result<void> guard_forks();

/// In a process that was forked from this one, exit() ends without the destructors of static objects, and
/// without the handlers, that existed before this call: it flushes the standard streams, and leaves. For
/// libraries whose own handlers wait for threads that the child does not have, or close the parent's files:
/// called once for each of them. REQUIRES: the library has registered its handlers; guard_forks() was called.
[[nodiscard]] Result<void> end_children_early();

/// The process that guard_forks() was called in, for objects that a child inherits and must not use.
class ForkGuard : public ForkMark {
 public:
  /// Throws Error `system` if the system does not report forks.
  ForkGuard();
};

}  // namespace locum::storage
