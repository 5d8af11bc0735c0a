#pragma once

#include <cstdint>
#include <span>

#include "jobs/gray_scott/analysis.hpp"
#include "jobs/gray_scott/canvas.hpp"
#include "jobs/gray_scott/color_map.hpp"

namespace gray_scott {

/// Draws one frame: the mid-plane of V with its colours, and beside the colour bar how often each colour
/// occurs in the whole volume (logarithmic), with the figures of the analysis below.
Canvas draw_frame(std::span<const double> mid_plane, std::size_t grid, std::uint64_t step,
                  const Findings& findings, const AnalysisRange& range, const ColorMap& colors);

/// The mid-plane alone, `side` pixels a side, interpolated linearly across the periodic borders.
Canvas draw_mid_plane(std::span<const double> mid_plane, std::size_t grid, int side, double top,
                      const ColorMap& colors);

}  // namespace gray_scott
