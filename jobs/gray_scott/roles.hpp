#pragma once

#include <mpi.h>

#include <locum/locum.hpp>
#include <vector>

#include "jobs/gray_scott/decomposition.hpp"
#include "jobs/gray_scott/event_log.hpp"
#include "jobs/gray_scott/frame_reports.hpp"
#include "jobs/gray_scott/options.hpp"
#include "jobs/gray_scott/progress.hpp"
#include "jobs/gray_scott/run_record.hpp"
#include "jobs/gray_scott/saved_states.hpp"
#include "jobs/gray_scott/solver.hpp"

namespace gray_scott {

/// Collective over the solver's ranks. The whole run, its sums included, with nobody to look at it.
void simulate_alone(Solver& solver, const SavedStates* states, const DemoOptions& options,
                    Progress& progress);

/// Collective over `group`, the solver's ranks. Opens the streams (see DemoOptions::streams). Throws
/// locum::Error.
std::vector<locum::StepWriter> open_streams(locum::Runtime& runtime, MPI_Comm group,
                                            const DemoOptions& options);

/// Collective over the solver's ranks: the run, each frame written as a step of one of the streams, so that
/// several frames can be analysed at a time. Closes the streams, and returns when all frames are analysed.
/// `states`: to which checkpoints are written, and from which the run goes on; or null. Throws locum::Error.
SimulationRecord simulate_coupled(std::vector<locum::StepWriter>& streams, Solver& solver,
                                  SavedStates* states, const DemoOptions& options, FrameReports& reports,
                                  EventLog& log, Progress& progress);

/// What the analysis rank with this index does: reads the steps of its stream until that ends, in the blocks
/// that the simulation wrote, so that those of its node are read in place; draws each into the output folder.
/// Throws locum::Error, and std::runtime_error if a picture cannot be written.
void analyse_frames(locum::Runtime& runtime, int index, const Decomposition& decomposition,
                    const DemoOptions& options, FrameReports& reports, EventLog& log);

}  // namespace gray_scott
