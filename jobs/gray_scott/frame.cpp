#include "jobs/gray_scott/frame.hpp"

#include <cstdio>
#include <string>

#include "jobs/drawing/field_frame.hpp"

namespace gray_scott {
namespace {

template <class... Values>
std::string formatted(const char* pattern, Values... values) {
  char line[128];
  std::snprintf(line, sizeof line, pattern, values...);
  return line;
}

}  // namespace

jobs::Picture draw_frame(std::span<const double> mid_plane, std::size_t grid, std::uint64_t step,
                         const Findings& findings, const AnalysisRange& range, const jobs::ColorMap& colors) {
  return jobs::draw_field(
      {.values = mid_plane,
       .rows = grid,
       .columns = grid,
       .periodic = true,
       .top = range.histogram_top,
       .histogram = findings.histogram_v,
       .mark = range.threshold,
       .title = formatted("Gray-Scott  V at z = %zu of %zu", grid / 2, grid),
       .subtitle = formatted("V: min %.4f  mean %.4f  max %.4f     isosurface V = %.2f: %llu cells",
                             findings.min_v, findings.mean_v, findings.max_v, range.threshold,
                             static_cast<unsigned long long>(findings.isosurface_cells)),
       .right_title = formatted("step %llu", static_cast<unsigned long long>(step)),
       .right_subtitle = "cells by V (log)"},
      colors);
}

}  // namespace gray_scott
