#include "jobs/drawing/field_frame.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <vector>

namespace jobs {
namespace {

constexpr Color faint{104, 110, 120};

constexpr int plane_side = FieldFrame::plane_side;
constexpr int margin = FieldFrame::margin;
constexpr int bar_width = 18;
constexpr int histogram_width = 150;
constexpr int caption_height = 64;
constexpr int scale_width = 44;
constexpr double large_letters = 18;
constexpr double small_letters = 12;

/// The colour bar with its scale and, to the right of it, the histogram laid on its side.
void draw_histogram(Picture& picture, int left, int top, const FieldFrame& frame, const ColorMap& colors) {
  const auto most = *std::max_element(frame.histogram.begin(), frame.histogram.end());
  const double decades = std::log1p(static_cast<double>(most));
  const auto bins = static_cast<int>(frame.histogram.size());
  const int bin_height = plane_side / bins;
  for (int y = 0; y < plane_side; ++y) {
    const double value = 1.0 - (y + 0.5) / plane_side;
    picture.fill(left, top + y, bar_width, 1, colors(value));
  }
  const int bins_left = left + bar_width + scale_width;
  for (int bin = 0; bin < bins; ++bin) {
    const auto count = frame.histogram[static_cast<std::size_t>(bin)];
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
    char label[32];
    std::snprintf(label, sizeof label, "%.2f", frame.bottom + (frame.top - frame.bottom) * tick / 5);
    picture.text(left + bar_width + 9, base_line, label, ink, small_letters);
  }
  if (frame.mark) {
    const double share = (*frame.mark - frame.bottom) / (frame.top - frame.bottom);
    picture.fill(bins_left, top + plane_side - std::round(share * plane_side), histogram_width, 1, faint);
  }
}

/// Two neighbouring places on an axis, and how far a pixel lies from the first one to the second one.
struct Sample {
  std::size_t first, second;
  double share;
};

/// For each pixel of the square, along an axis of so many cells.
std::vector<Sample> samples(std::size_t cells, bool periodic) {
  std::vector<Sample> samples;
  const double cells_per_pixel = static_cast<double>(cells) / plane_side;
  for (int pixel = 0; pixel < plane_side; ++pixel) {
    const double place = (pixel + 0.5) * cells_per_pixel - 0.5;
    const double below = std::floor(place);
    const auto first = static_cast<std::size_t>(below + static_cast<double>(cells)) % cells;
    const Sample across{first, (first + 1) % cells, place - below};
    const bool is_at_border = below < 0.0 || across.second == 0;
    const std::size_t nearest = below < 0.0 ? 0 : first;
    samples.push_back(periodic || !is_at_border ? across : Sample{nearest, nearest, 0.0});
  }
  return samples;
}

/// A colour for each pixel of the square, interpolated linearly.
std::vector<Color> plane_pixels(const FieldFrame& frame, const ColorMap& colors) {
  std::vector<Color> pixels;
  pixels.reserve(std::size_t{plane_side} * plane_side);
  const std::vector<Sample> columns = samples(frame.columns, frame.periodic);
  for (const Sample& row : samples(frame.rows, frame.periodic)) {
    for (const Sample& column : columns) {
      const auto across = [&](std::size_t line) {
        return std::lerp(frame.values[line * frame.columns + column.first],
                         frame.values[line * frame.columns + column.second], column.share);
      };
      const double value = std::lerp(across(row.first), across(row.second), row.share);
      pixels.push_back(colors((value - frame.bottom) / (frame.top - frame.bottom)));
    }
  }
  return pixels;
}

}  // namespace

Picture draw_field(const FieldFrame& frame, const ColorMap& colors) {
  const int bar_left = margin + plane_side + margin;
  Picture picture(bar_left + bar_width + scale_width + histogram_width + margin,
                  margin + plane_side + caption_height, paper);
  picture.draw(margin, margin, plane_side, plane_pixels(frame, colors));
  draw_histogram(picture, bar_left, margin, frame, colors);

  const int right = picture.width() - margin;
  const int first_line = margin + plane_side + 28;
  const int second_line = first_line + 22;
  picture.text(margin, first_line, frame.title, ink, large_letters);
  picture.text(margin, second_line, frame.subtitle, faint, small_letters);
  picture.text(right, first_line, frame.right_title, ink, large_letters, Picture::Align::right);
  picture.text(right, second_line, frame.right_subtitle, faint, small_letters, Picture::Align::right);
  return picture;
}

}  // namespace jobs
