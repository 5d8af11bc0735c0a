#pragma once

#include <string>
#include <vector>

#include "jobs/gray_scott/coupling.hpp"
#include "jobs/gray_scott/event_log.hpp"
#include "jobs/gray_scott/options.hpp"
#include "jobs/gray_scott/roles.hpp"
#include "jobs/gray_scott/timeline.hpp"

namespace gray_scott {

/// All that rank 0 knows when the run is over.
struct RunRecord {
  DemoOptions options;
  double alone_s = 0.0;    ///< the simulation without coupling, from the first step to the last
  double coupled_s = 0.0;  ///< the coupled run, until the last frame is analysed
  SimulationRecord simulation;
  std::vector<std::vector<Event>> events;  ///< of the coupled run, by rank
  std::vector<PathTraffic> traffic;
  TransferTimes transfers;
};

/// How far the masses found by the analysis are from the simulation's own, the worst of all frames,
/// relatively. Infinite if a frame was not reported, or not in its order.
double worst_mass_difference(const SimulationRecord& record);
/// What rounding may do to sums as long as these.
constexpr double largest_mass_difference = 1e-12;

/// The tables for the terminal.
std::string summary_text(const RunRecord& record);

/// The rows of the timeline picture.
std::vector<TimelineRow> timeline_rows(const RunRecord& record);
/// A name for the timeline picture.
std::string timeline_title(const RunRecord& record);
/// From the first rank that publishes the frame until its analysis is done, with a little on both sides.
TimeWindow window_of_frame(const RunRecord& record, std::size_t frame);

}  // namespace gray_scott
