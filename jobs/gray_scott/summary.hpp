#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "jobs/gray_scott/run_record.hpp"
#include "jobs/gray_scott/timeline.hpp"

namespace gray_scott {

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
