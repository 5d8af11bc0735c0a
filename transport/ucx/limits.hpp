#pragma once

namespace locum::ucx {

/// Checks that the process can still get what UCX needs to reach other ranks: a thread, some descriptors, and
/// address space. UCX 1.13 ends the process by an assertion if its thread cannot be started, and considers a
/// rank dead if it cannot map its memory. Throws Error `system` or `out_of_memory`, which say which limit to
/// raise. Called before the worker is made. Resources that other threads take at the same time may still be
/// missing later.
/// \param ranks of the runtime
void require_limits(int ranks);

}  // namespace locum::ucx
