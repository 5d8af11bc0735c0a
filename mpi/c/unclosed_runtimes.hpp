#pragma once

#include <memory>

#include "mpi/c/runtimes.hpp"

namespace locum::c {

/// Makes `MPI_Finalize` close the runtime, with a line on stderr, unless the program does so before. After
/// `MPI_Finalize` a runtime cannot be closed together with other ranks. In a thread that may call MPI.
void close_at_finalize(const std::shared_ptr<OpenRuntime>& runtime);

}  // namespace locum::c
