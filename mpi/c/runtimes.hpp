#pragma once

#include <memory>

#include "core/base/call_gate.hpp"
#include "core/c/handles.hpp"
#include "core/c/objects.hpp"
#include "mpi/c/locum_mpi.h"
#include "mpi/runtime/runtime.hpp"

namespace locum::c {

/// A runtime, and who is in a call of it: it is closed when no other thread is.
struct OpenRuntime {
  OpenRuntime(MPI_Comm communicator, const RuntimeOptions& options) : runtime(communicator, options) {}

  Runtime runtime;
  CallGate calls;
};

/// Returns the handles of runtimes.
[[nodiscard]] Handles<std::shared_ptr<OpenRuntime>>& runtimes();

/// Returns the error of a call on a runtime that another thread is closing.
[[nodiscard]] locum_status is_being_closed();

/// Calls the body of a function of the C interface with the runtime of the handle; see guarded().
template <class Body>
locum_status on_runtime(locum_runtime runtime, Body body) noexcept {
  return on(runtimes(), runtime, "runtime", [&](const std::shared_ptr<OpenRuntime>& open) {
    const CallGate::Pass pass(open->calls);
    return pass ? body(open->runtime) : is_being_closed();
  });
}

}  // namespace locum::c
