#pragma once

namespace locum::ucx {

/// Whether the process may still have what UCX takes for reaching other ranks: a thread, some descriptors,
/// and address space. UCX 1.13 ends the process by an assertion where its thread cannot be started, and takes
/// a rank whose memory it cannot map for a dead one. Throws Error `system` or `out_of_memory`, which say
/// which limit to raise. To be called before the worker is made. What others of the process take at the same
/// moment may be missing all the same.
/// \param ranks of the runtime
void require_limits(int ranks);

}  // namespace locum::ucx
