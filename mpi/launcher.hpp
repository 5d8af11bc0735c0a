#pragma once

#include <string>

namespace locum::mpi {

/// A warning about how this process was started, or nothing: a launcher whose process interface does not fit
/// the MPI library starts many programs of one rank each instead of one program of many ranks. Detected by
/// the launchers' environment variables; `world_size` is that of MPI_COMM_WORLD.
[[nodiscard]] std::string singleton_warning(int world_size);

}  // namespace locum::mpi
