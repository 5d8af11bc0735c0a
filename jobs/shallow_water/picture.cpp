#include "jobs/shallow_water/picture.hpp"

#include <cstdio>
#include <string>

#include "jobs/drawing/color_map.hpp"
#include "jobs/drawing/field_frame.hpp"
#include "jobs/shallow_water/pool.hpp"

namespace shallow_water {
namespace {

constexpr jobs::Color from_left{255, 196, 64};
constexpr jobs::Color from_right{214, 64, 44};
constexpr double float_size = 2.0;  // pixels

}  // namespace

jobs::Picture draw_pool(const Account& account, std::span<const double> depths,
                        std::span<const Float> floats) {
  static const jobs::ColorMap colors(jobs::Palette::water);
  char time[32];
  std::snprintf(time, sizeof time, "%.2f s", account.time_s);
  char figures[160];
  std::snprintf(figures, sizeof figures,
                "depth %.3f to %.3f m, mean %.6f m     %llu floats, the yellow ones from the left half",
                account.lowest_m, account.highest_m, account.mean_depth_m(),
                static_cast<unsigned long long>(account.floats));
  jobs::Picture picture = jobs::draw_field({.values = depths,
                                            .rows = account.cells,
                                            .columns = account.cells,
                                            .bottom = Account::histogram_bottom_m,
                                            .top = Account::histogram_top_m,
                                            .histogram = account.histogram,
                                            .title = "Water in a pool",
                                            .subtitle = figures,
                                            .right_title = time,
                                            .right_subtitle = "cells by depth (log)"},
                                           colors);
  const double pixels_per_metre = jobs::FieldFrame::plane_side / Pool::side_m;
  for (const Float& one : floats) {
    picture.fill(jobs::FieldFrame::margin + one.x_m * pixels_per_metre - float_size / 2,
                 jobs::FieldFrame::margin + one.y_m * pixels_per_metre - float_size / 2, float_size,
                 float_size, one.group == 0 ? from_left : from_right);
  }
  return picture;
}

}  // namespace shallow_water
