#include "jobs/gray_scott/timeline.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace gray_scott {

using jobs::Color;
using jobs::Picture;

namespace {

using jobs::ink;
using jobs::mix;
using jobs::paper;

constexpr Color pale{120, 126, 138};
constexpr Color grid_line{226, 229, 234};
constexpr Color idle{246, 247, 249};

constexpr std::array<Color, phase_count> color_of{
    {{58, 110, 178}, {238, 130, 38}, {208, 212, 219}, {200, 60, 74}, {46, 157, 114}}};

constexpr int width = 1400;
constexpr int border = 28;
constexpr int label_width = 132;
constexpr int bar_height = 26;
constexpr int row_pitch = 34;
constexpr int axis_height = 58;
constexpr double letters = 16;
constexpr int bars_left = border + label_width;
constexpr int bars_width = width - border - bars_left;

/// Which pixel a moment falls on.
struct Scale {
  double begin_s, end_s;
  double per_pixel() const { return (end_s - begin_s) / bars_width; }
  int pixel(double time_s) const {
    return bars_left + static_cast<int>(std::lround((time_s - begin_s) / per_pixel()));
  }
};

/// One colour a pixel, weighed by how much of its time went where.
void draw_bar(Picture& picture, int y, const std::vector<Event>& events, const Scale& window) {
  std::vector<std::array<double, phase_count>> shares(bars_width);
  for (const Event& event : events) {
    const double from = std::max((event.begin_s - window.begin_s) / window.per_pixel(), 0.0);
    const double to = std::min((event.end_s - window.begin_s) / window.per_pixel(), double{bars_width});
    for (int x = static_cast<int>(from); x < bars_width && x < to; ++x) {
      shares[static_cast<std::size_t>(x)][static_cast<std::size_t>(event.phase)] +=
          std::min(to, x + 1.0) - std::max(from, double(x));
    }
  }
  for (int x = 0; x < bars_width; ++x) {
    Color color = idle;
    double covered = 0.0;
    for (std::size_t phase = 0; phase < phase_count; ++phase) {
      const double share = shares[static_cast<std::size_t>(x)][phase];
      if (share > 0.0) {
        covered += share;
        color = mix(color, color_of[phase], std::min(share / covered, 1.0));
      }
    }
    picture.fill(bars_left + x, y, 1, bar_height,
                 covered > 0.0 ? mix(idle, color, std::min(covered, 1.0)) : idle);
  }
}

/// 1, 2 or 5 times a power of ten, so that about eight of them fit.
double tick_distance(double range_s) {
  const double rough = range_s / 8.0;
  const double power = std::pow(10.0, std::floor(std::log10(rough)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (rough <= factor * power) {
      return factor * power;
    }
  }
  return 10.0 * power;
}

void draw_axis(Picture& picture, int top, int bottom, const Scale& window, bool labels) {
  const double distance_s = tick_distance(window.end_s - window.begin_s);
  const bool milliseconds = distance_s < 0.1;
  for (double tick = std::ceil(window.begin_s / distance_s); tick * distance_s <= window.end_s; tick += 1.0) {
    const int x = window.pixel(tick * distance_s);
    if (!labels) {
      picture.fill(x, top, 1, bottom - top, grid_line);
      continue;
    }
    picture.fill(x, bottom, 1, 6, pale);
    char text[32];
    if (milliseconds) {
      std::snprintf(text, sizeof text, "%.0f ms", tick * distance_s * 1e3);
    } else {
      std::snprintf(text, sizeof text, "%g s", tick * distance_s);
    }
    const double half = picture.text_width(text, letters - 1) / 2;
    picture.text(std::min<double>(x, width - 4 - half), bottom + 23, text, pale, letters - 1,
                 Picture::Align::middle);
  }
}

/// The bars of all ranks over one window of time; returns the y below its axis.
int draw_panel(Picture& picture, int top, const std::vector<TimelineRow>& rows, const Scale& window) {
  const int bottom = top + static_cast<int>(rows.size()) * row_pitch;
  draw_axis(picture, top, bottom, window, false);
  int y = top;
  for (const TimelineRow& row : rows) {
    picture.text(bars_left - 12, y + row_pitch / 2 + 6, row.label, ink, letters, Picture::Align::right);
    draw_bar(picture, y + (row_pitch - bar_height) / 2, row.events, window);
    y += row_pitch;
  }
  picture.fill(bars_left, bottom, bars_width, 1, pale);
  draw_axis(picture, top, bottom, window, true);
  return bottom + axis_height;
}

void draw_legend(Picture& picture, int y) {
  double x = bars_left;
  for (std::size_t phase = 0; phase < phase_count; ++phase) {
    picture.fill(x, y, 22, 14, color_of[phase]);
    x = std::round(picture.text(x + 30, y + 13, name_of(static_cast<Phase>(phase)), ink, letters)) + 34;
  }
}

}  // namespace

jobs::Picture draw_timeline(const std::string& title, const std::string& part_title,
                            const std::vector<TimelineRow>& rows, TimeWindow enlarged) {
  double end_s = 0.0;
  for (const TimelineRow& row : rows) {
    for (const Event& event : row.events) {
      end_s = std::max(end_s, event.end_s);
    }
  }
  constexpr double shortest_s = 1e-6;  // so that there is something to divide by
  const Scale whole{0.0, std::max(end_s, shortest_s)};
  const Scale part{enlarged.begin_s, std::max(enlarged.end_s, enlarged.begin_s + shortest_s)};

  const int panel_height = static_cast<int>(rows.size()) * row_pitch + axis_height;
  Picture picture(width, border + 76 + panel_height + 46 + panel_height + border / 2, paper);
  picture.text(bars_left, border + 14, title, ink, letters + 1);
  draw_legend(picture, border + 34);
  int y = border + 76;
  const int whole_bottom = y + static_cast<int>(rows.size()) * row_pitch;
  y = draw_panel(picture, y, rows, whole);

  // The part that is drawn larger is bracketed under the bars of the whole.
  const int from = whole.pixel(part.begin_s);
  const int to = std::max(whole.pixel(part.end_s), from + 2);
  picture.fill(from, whole_bottom + 1, to - from, 4, ink);

  picture.text(bars_left, y + 20, part_title, ink, letters + 1);
  draw_panel(picture, y + 38, rows, part);
  return picture;
}

}  // namespace gray_scott
