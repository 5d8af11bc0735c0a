#pragma once

#include <string>
#include <vector>

#include "jobs/gray_scott/canvas.hpp"
#include "jobs/gray_scott/event_log.hpp"

namespace gray_scott {

/// One rank of the picture.
struct TimelineRow {
  std::string label;
  std::vector<Event> events;
};

/// Draws what the ranks did when, one bar a rank, simulation, publishing, waiting and analysis in their
/// colours; below it a part of `zoom_s` seconds from the middle, in which short events are seen. A pixel that
/// covers several events mixes their colours by time. REQUIRES: at least one row.
Canvas draw_timeline(const std::string& title, const std::vector<TimelineRow>& rows, double zoom_s);

}  // namespace gray_scott
