#pragma once

#include <string>
#include <vector>

#include "jobs/drawing/picture.hpp"
#include "jobs/gray_scott/event_log.hpp"

namespace gray_scott {

/// One rank of the picture.
struct TimelineRow {
  std::string label;
  std::vector<Event> events;
};

/// A part of the run, in seconds since its start.
struct TimeWindow {
  double begin_s;
  double end_s;
};

/// Draws what the ranks did when, one bar a rank, each phase in its
/// colour; below it the part `enlarged`, in which short events are seen, under `part_title`. A pixel that
/// covers several events mixes their colours by time.
jobs::Picture draw_timeline(const std::string& title, const std::string& part_title,
                            const std::vector<TimelineRow>& rows, TimeWindow enlarged);

}  // namespace gray_scott
