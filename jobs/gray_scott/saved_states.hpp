#pragma once

#include <mpi.h>

#include <cstdint>
#include <locum/locum.hpp>
#include <optional>
#include <string>

#include "jobs/gray_scott/options.hpp"
#include "jobs/gray_scott/solver.hpp"

namespace gray_scott {

/// The fields of the simulation in checkpoints, from which any number of ranks can go on. On the ranks that
/// simulate, in a runtime of their own, so that those that analyse need not join. All calls are collective
/// over them and throw locum::Error.
class SavedStates {
 public:
  SavedStates(MPI_Comm ranks, const DemoOptions& options);

  /// Finds the latest state of an earlier run; returns its step.
  [[nodiscard]] std::uint64_t find();
  /// Sets the solver to the state that was found. REQUIRES: find().
  void load(Solver& solver) const;
  /// The state that was found is not needed any more.
  void forget();
  /// Begins to write the solver's state, which may then go on. Waits for the one before.
  void save(const Solver& solver);
  /// Whether the scheduler has said that the job ends soon.
  [[nodiscard]] bool are_wanted() { return runtime_.checkpoint_requested(); }
  /// Waits until the last one is complete.
  void finish();

 private:
  [[nodiscard]] std::string prefix_of(std::uint64_t step) const;
  void load(Solver& solver, Species species) const;

  const MPI_Comm ranks_;
  const std::string pattern_;
  const std::size_t grid_;
  locum::Runtime runtime_;
  const locum::Store store_ = runtime_.store("states");
  std::uint64_t found_step_ = 0;
  std::optional<locum::AsyncResult<locum::CheckpointReport>> under_way_;
};

/// Collective over `ranks`, the solver's. The same for the same fields, however they are cut.
std::uint64_t fingerprint(const Solver& solver, std::size_t grid, MPI_Comm ranks);

}  // namespace gray_scott
