#pragma once

#include <memory>
#include <mutex>
#include <shared_mutex>

#include "core/c/handles.hpp"
#include "core/c/objects.hpp"
#include "mpi/c/locum_mpi.h"
#include "mpi/runtime/runtime.hpp"

namespace locum::c {

/// A runtime, and who is in a call of it: it is closed when no other thread is.
struct OpenRuntime {
  std::shared_ptr<Runtime> runtime;
  std::shared_ptr<std::shared_timed_mutex> calls = std::make_shared<std::shared_timed_mutex>();
};

/// Returns the handles of runtimes.
[[nodiscard]] Handles<OpenRuntime>& runtimes();

/// Returns the error of a call on a runtime that another thread is closing.
[[nodiscard]] locum_status is_being_closed();

/// Calls the body of a function of the C interface with the runtime of the handle; see guarded().
template <class Body>
locum_status on_runtime(locum_runtime runtime, Body body) noexcept {
  return on(runtimes(), runtime, "runtime", [&](const OpenRuntime& open) {
    const std::shared_lock lock(*open.calls, std::try_to_lock);
    return lock ? body(*open.runtime) : is_being_closed();
  });
}

}  // namespace locum::c
