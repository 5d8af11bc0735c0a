#pragma once

#include <mpi.h>

#include <locum/locum.hpp>
#include <vector>

#include "jobs/gray_scott/run_record.hpp"

namespace gray_scott {

/// Collective over `world`. Sums over all ranks, on rank 0: what was put and what was read.
std::vector<PathTraffic> gather_traffic(const locum::Metrics& metrics, MPI_Comm world);
/// Collective over `world`; on rank 0.
TransferTimes gather_transfer_times(const locum::Metrics& metrics, MPI_Comm world);

}  // namespace gray_scott
