#pragma once

#include <vector>

#include "jobs/gray_scott/coupling.hpp"
#include "jobs/gray_scott/event_log.hpp"
#include "jobs/gray_scott/options.hpp"
#include "jobs/gray_scott/progress.hpp"
#include "jobs/gray_scott/solver.hpp"

namespace gray_scott {

/// What the simulation itself knows of its total mass at a frame.
struct Masses {
  double u = 0.0;
  double v = 0.0;
};

/// By frame: what was simulated, and what the analysis says of it.
struct SimulationRecord {
  std::vector<Masses> masses;
  std::vector<FrameReport> reports;
};

/// Collective over the solver's ranks. The whole run, its sums included, with nobody to look at it.
void simulate_alone(Solver& solver, const DemoOptions& options, Progress& progress);

/// Collective over the solver's ranks: the run, each frame published. Returns when all frames are analysed.
SimulationRecord simulate_coupled(Solver& solver, Coupling& coupling, const DemoOptions& options,
                                  EventLog& log, Progress& progress);

/// What an analysis rank does: waits for its frames, analyses them in place, and draws them into the output
/// folder.
void analyse_frames(Coupling& coupling, const DemoOptions& options, EventLog& log);

}  // namespace gray_scott
