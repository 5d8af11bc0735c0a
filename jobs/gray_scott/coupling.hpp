#pragma once

#include <mpi.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "jobs/gray_scott/analysis.hpp"
#include "jobs/gray_scott/decomposition.hpp"
#include "jobs/gray_scott/options.hpp"
#include "jobs/gray_scott/solver.hpp"

namespace gray_scott {

/// What the analysis of a frame replies to those who simulate.
struct FrameReport {
  std::uint64_t frame = 0;
  double mass_u = 0.0;
  double mass_v = 0.0;
  double min_v = 0.0;
  double mean_v = 0.0;
  double max_v = 0.0;
  std::uint64_t isosurface_cells = 0;
};

/// Bytes that moved, by the store's own counters.
struct PathTraffic {
  std::string path;
  std::uint64_t operations = 0;
  std::uint64_t bytes = 0;
};

/// By the store's own clock, all ranks together.
struct TransferTimes {
  double under_way_s = 0.0;   ///< fields were on their way from other nodes
  double waited_for_s = 0.0;  ///< of that, somebody waited for them
};

/// Hands fields from ranks that simulate to ranks that analyse; the only part of the demo that knows the
/// store.
///
/// Ranks [0, simulation ranks) simulate, the others analyse; frame n goes to analysis rank n modulo their
/// number. By MPI go two handles a block and frame one way and a FrameReport the other way; the fields
/// themselves stay where they are. At most `frames_in_flight` frames are in the store at a time: who
/// simulates waits for the oldest. One thread at a time.
class Coupling {
 public:
  /// How many frames are in the store at a time, at most: one for each rank that analyses, and one on its
  /// way.
  static std::size_t frames_in_flight(int analysis_ranks);

  /// Collective over `world`.
  Coupling(MPI_Comm world, const Decomposition& decomposition, int analysis_ranks);
  Coupling(const Coupling&) = delete;
  Coupling& operator=(const Coupling&) = delete;
  /// Collective: ends the store.
  ~Coupling();

  // For ranks that simulate. Frames are published in order, from 0.

  /// Waits until the next frame may be published; returns the reports that came meanwhile, in order.
  std::vector<FrameReport> wait_for_room();
  /// Publishes this rank's blocks of U and V and sends their handles. `how` is create or put.
  void publish(const Solver& solver, std::size_t frame, Publish how);
  /// Waits until every frame is analysed; returns the reports that came meanwhile, in order.
  std::vector<FrameReport> wait_for_all();

  // For ranks that analyse.

  bool analyses(std::size_t frame) const;
  /// From now on this rank's next frame is expected: the handles of its blocks may come. If `ahead`, each of
  /// its fields begins to move once look_ahead() or receive() sees its handle, else when resolve() reads it.
  /// One frame at a time. REQUIRES: there is a next one.
  void expect(bool ahead);
  /// Has what has come of the expected frame begin to move. Does not wait. Fine if none is expected.
  void look_ahead();
  /// Waits for the handles of all blocks of the expected frame, which is the one at hand from then on.
  void receive();
  /// Resolves them: views of what the simulation wrote, in its own memory on this node, valid until finish().
  std::span<const BlockFields> resolve();
  /// Lets go of the frame, evicts its objects, and tells those who simulate.
  void finish(const FrameReport& report);

  /// Collective over the world. Sums over all ranks, on rank 0: what was put and what was read.
  std::vector<PathTraffic> gather_traffic() const;
  /// Collective over the world; on rank 0.
  TransferTimes gather_transfer_times() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace gray_scott
