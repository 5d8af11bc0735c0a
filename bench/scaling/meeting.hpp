#pragma once

#include <mpi.h>

namespace scaling {

/// All ranks of the communicator meet. Ranks that wait long leave the cores idle, since there may be fewer
/// cores than ranks and those who are late need them: first they yield, then they sleep some microseconds at
/// a time. `deadline_seconds`: when a rank gives up, by std::runtime_error.
void meet(MPI_Comm ranks, double deadline_seconds);

}  // namespace scaling
