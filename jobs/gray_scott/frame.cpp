#include "jobs/gray_scott/frame.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string>

#include "jobs/gray_scott/font.hpp"

namespace gray_scott {
namespace {

constexpr Color faint{140, 146, 156};

constexpr int margin = 16;
constexpr int plane_side = 512;
constexpr int bar_width = 18;
constexpr int histogram_width = 150;
constexpr int caption_height = 64;

template <class... Values>
std::string format(const char* pattern, Values... values) {
  char line[128];
  std::snprintf(line, sizeof line, pattern, values...);
  return line;
}

/// The colour bar with its scale and, to the right of it, the histogram laid on its side.
void draw_histogram(Canvas& canvas, int left, int top, const Findings& findings, const AnalysisRange& range,
                    const ColorMap& colors) {
  const auto most = *std::max_element(findings.histogram_v.begin(), findings.histogram_v.end());
  const double decades = std::log1p(static_cast<double>(most));
  const auto bins = static_cast<int>(Findings::bin_count);
  const int bin_height = plane_side / bins;
  for (int y = 0; y < plane_side; ++y) {
    const double value = 1.0 - (y + 0.5) / plane_side;
    canvas.fill(left, top + y, bar_width, 1, colors(value));
  }
  for (int bin = 0; bin < bins; ++bin) {
    const auto count = findings.histogram_v[static_cast<std::size_t>(bin)];
    const double share = count == 0 ? 0.0 : std::log1p(static_cast<double>(count)) / decades;
    const int length = static_cast<int>(std::lround(share * histogram_width));
    const int y = top + plane_side - (bin + 1) * bin_height;
    // The palest colours would vanish on paper: the bar is outlined by its own, darker shade.
    const Color color = colors((bin + 0.5) / bins);
    canvas.fill(left + bar_width + 44, y, length, bin_height - 1, color);
    if (length > 0) {
      canvas.fill(left + bar_width + 44 + length - 1, y, 1, bin_height - 1, mix(color, ink, 0.5));
    }
  }
  for (int tick = 0; tick <= 5; ++tick) {
    const int y = top + plane_side - plane_side * tick / 5;
    canvas.fill(left + bar_width, std::min(y, top + plane_side - 1), 5, 1, ink);
    const int text_y = std::clamp(y - 3, top, top + plane_side - 7);
    canvas.text(left + bar_width + 9, text_y, format("%.2f", range.histogram_top * tick / 5), ink);
  }
  const int threshold_y =
      top + plane_side - static_cast<int>(std::lround(range.threshold / range.histogram_top * plane_side));
  canvas.fill(left + bar_width + 44, threshold_y, histogram_width, 1, faint);
}

}  // namespace

Canvas draw_mid_plane(std::span<const double> mid_plane, std::size_t grid, int side, double top,
                      const ColorMap& colors) {
  Canvas canvas(side, side, paper);
  const double cells_per_pixel = static_cast<double>(grid) / side;
  struct Sample {
    std::size_t first, second;
    double share;
  };
  const auto sample = [&](int pixel) {
    const double place = (pixel + 0.5) * cells_per_pixel - 0.5;
    const double below = std::floor(place);
    const auto first = static_cast<std::size_t>(below + static_cast<double>(grid)) % grid;
    return Sample{first, (first + 1) % grid, place - below};
  };
  for (int y = 0; y < side; ++y) {
    const Sample row = sample(y);
    for (int x = 0; x < side; ++x) {
      const Sample column = sample(x);
      const auto across = [&](std::size_t line) {
        return std::lerp(mid_plane[line * grid + column.first], mid_plane[line * grid + column.second],
                         column.share);
      };
      canvas.set(x, y, colors(std::lerp(across(row.first), across(row.second), row.share) / top));
    }
  }
  return canvas;
}

Canvas draw_frame(std::span<const double> mid_plane, std::size_t grid, std::uint64_t step,
                  const Findings& findings, const AnalysisRange& range, const ColorMap& colors) {
  const int bar_left = margin + plane_side + margin;
  Canvas canvas(bar_left + bar_width + 44 + histogram_width + margin, margin + plane_side + caption_height,
                paper);
  canvas.draw(margin, margin, draw_mid_plane(mid_plane, grid, plane_side, range.histogram_top, colors));
  draw_histogram(canvas, bar_left, margin, findings, range, colors);

  const int first_line = margin + plane_side + 12;
  const int second_line = first_line + 24;
  canvas.text(margin, first_line, format("Gray-Scott  V at z = %zu of %zu", grid / 2, grid), ink, 2);
  canvas.text(margin, second_line,
              format("V: min %.4f  mean %.4f  max %.4f     isosurface V = %.2f: %llu cells", findings.min_v,
                     findings.mean_v, findings.max_v, range.threshold,
                     static_cast<unsigned long long>(findings.isosurface_cells)),
              faint);
  const std::string step_text = format("step %llu", static_cast<unsigned long long>(step));
  canvas.text(canvas.width() - margin - static_cast<int>(step_text.size()) * 2 * font::advance, first_line,
              step_text, ink, 2);
  const std::string bar_text = "cells by V (log)";
  canvas.text(canvas.width() - margin - static_cast<int>(bar_text.size()) * font::advance, second_line,
              bar_text, faint);
  return canvas;
}

}  // namespace gray_scott
