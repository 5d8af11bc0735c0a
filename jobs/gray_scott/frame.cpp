#include "jobs/gray_scott/frame.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

namespace gray_scott {
namespace {

constexpr Color faint{104, 110, 120};

constexpr int margin = 16;
constexpr int plane_side = 512;
constexpr int bar_width = 18;
constexpr int histogram_width = 150;
constexpr int caption_height = 64;
constexpr int scale_width = 44;
constexpr double large_letters = 18;
constexpr double small_letters = 12;

template <class... Values>
std::string format(const char* pattern, Values... values) {
  char line[128];
  std::snprintf(line, sizeof line, pattern, values...);
  return line;
}

/// The colour bar with its scale and, to the right of it, the histogram laid on its side.
void draw_histogram(Picture& picture, int left, int top, const Findings& findings, const AnalysisRange& range,
                    const ColorMap& colors) {
  const auto most = *std::max_element(findings.histogram_v.begin(), findings.histogram_v.end());
  const double decades = std::log1p(static_cast<double>(most));
  const auto bins = static_cast<int>(Findings::bin_count);
  const int bin_height = plane_side / bins;
  for (int y = 0; y < plane_side; ++y) {
    const double value = 1.0 - (y + 0.5) / plane_side;
    picture.fill(left, top + y, bar_width, 1, colors(value));
  }
  const int bins_left = left + bar_width + scale_width;
  for (int bin = 0; bin < bins; ++bin) {
    const auto count = findings.histogram_v[static_cast<std::size_t>(bin)];
    if (count == 0) {
      continue;
    }
    const double length = std::max(std::log1p(static_cast<double>(count)) / decades * histogram_width, 1.0);
    const int y = top + plane_side - (bin + 1) * bin_height;
    // The palest colours would vanish on paper: the bar is outlined by its own, darker shade.
    const Color color = colors((bin + 0.5) / bins);
    picture.fill(bins_left, y, length, bin_height - 1, color);
    picture.fill(bins_left + length - 1, y, 1, bin_height - 1, mix(color, ink, 0.5));
  }
  for (int tick = 0; tick <= 5; ++tick) {
    const int y = top + plane_side - plane_side * tick / 5;
    picture.fill(left + bar_width, std::min(y, top + plane_side - 1), 5, 1, ink);
    const int base_line = std::clamp(y + 4, top + 9, top + plane_side);
    picture.text(left + bar_width + 9, base_line, format("%.2f", range.histogram_top * tick / 5), ink,
                 small_letters);
  }
  const double threshold_y =
      top + plane_side - std::round(range.threshold / range.histogram_top * plane_side);
  picture.fill(bins_left, threshold_y, histogram_width, 1, faint);
}

/// The mid-plane, a colour for each pixel of a square, interpolated linearly across the periodic borders.
std::vector<Color> mid_plane_pixels(std::span<const double> mid_plane, std::size_t grid, double top,
                                    const ColorMap& colors) {
  std::vector<Color> pixels;
  pixels.reserve(std::size_t{plane_side} * plane_side);
  const double cells_per_pixel = static_cast<double>(grid) / plane_side;
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
  for (int y = 0; y < plane_side; ++y) {
    const Sample row = sample(y);
    for (int x = 0; x < plane_side; ++x) {
      const Sample column = sample(x);
      const auto across = [&](std::size_t line) {
        return std::lerp(mid_plane[line * grid + column.first], mid_plane[line * grid + column.second],
                         column.share);
      };
      pixels.push_back(colors(std::lerp(across(row.first), across(row.second), row.share) / top));
    }
  }
  return pixels;
}

}  // namespace

Picture draw_frame(std::span<const double> mid_plane, std::size_t grid, std::uint64_t step,
                   const Findings& findings, const AnalysisRange& range, const ColorMap& colors) {
  const int bar_left = margin + plane_side + margin;
  Picture picture(bar_left + bar_width + scale_width + histogram_width + margin,
                  margin + plane_side + caption_height, paper);
  picture.draw(margin, margin, plane_side, mid_plane_pixels(mid_plane, grid, range.histogram_top, colors));
  draw_histogram(picture, bar_left, margin, findings, range, colors);

  const int right = picture.width() - margin;
  const int first_line = margin + plane_side + 28;
  const int second_line = first_line + 22;
  picture.text(margin, first_line, format("Gray-Scott  V at z = %zu of %zu", grid / 2, grid), ink,
               large_letters);
  picture.text(margin, second_line,
               format("V: min %.4f  mean %.4f  max %.4f     isosurface V = %.2f: %llu cells", findings.min_v,
                      findings.mean_v, findings.max_v, range.threshold,
                      static_cast<unsigned long long>(findings.isosurface_cells)),
               faint, small_letters);
  picture.text(right, first_line, format("step %llu", static_cast<unsigned long long>(step)), ink,
               large_letters, Picture::Align::right);
  picture.text(right, second_line, "cells by V (log)", faint, small_letters, Picture::Align::right);
  return picture;
}

}  // namespace gray_scott
