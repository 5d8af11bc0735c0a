#pragma once

#include <string>

namespace locum::mpi {

/// A warning about how this process was started, or nothing: a launcher whose process interface does not fit
/// the MPI library starts many programs of one rank each instead of one program of many ranks. Detected by
/// the launchers' environment variables, unless MPI shows this process others: `ranks` is the size of
/// MPI_COMM_WORLD or of the runtime's communicator, whichever is larger. A program may have joined others.
[[nodiscard]] std::string singleton_warning(int ranks);

}  // namespace locum::mpi
