#pragma once

#include <mpi.h>

#include <cstddef>
#include <vector>

#include "jobs/gray_scott/run_record.hpp"

namespace gray_scott {

/// Brings the reports of the analysis to rank 0, by messages of some bytes: rank 0 prints them and compares
/// their masses with those of the simulation. Frame n is reported by the analysis rank n modulo their number.
/// One thread at a time.
class FrameReports {
 public:
  /// Ranks [0, simulation_ranks) of `world` simulate, the next `analysis_ranks` analyse. Local.
  FrameReports(MPI_Comm world, int simulation_ranks, int analysis_ranks);

  /// On a rank that analyses.
  void send(const FrameReport& report) const;
  /// On rank 0: the reports that have arrived and were not yet returned, in order. Does not wait. On other
  /// ranks: none.
  std::vector<FrameReport> take_arrived();
  /// On rank 0: those that were not yet returned, of so many frames in all, in order. Waits for them. On
  /// other ranks: none.
  std::vector<FrameReport> take_all(std::size_t frames);

 private:
  int next_source() const;
  FrameReport receive();

  MPI_Comm world_;
  bool receives_;
  int simulation_ranks_;
  std::size_t analysis_ranks_;
  std::size_t taken_ = 0;
};

}  // namespace gray_scott
