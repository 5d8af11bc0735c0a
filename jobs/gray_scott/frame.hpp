#pragma once

#include <cstdint>
#include <span>

#include "jobs/drawing/color_map.hpp"
#include "jobs/drawing/picture.hpp"
#include "jobs/gray_scott/analysis.hpp"

namespace gray_scott {

/// Draws one frame: the mid-plane of V with its colours, and beside the colour bar how often each colour
/// occurs in the whole volume (logarithmic), with the figures of the analysis below.
jobs::Picture draw_frame(std::span<const double> mid_plane, std::size_t grid, std::uint64_t step,
                         const Findings& findings, const AnalysisRange& range, const jobs::ColorMap& colors);

}  // namespace gray_scott
