#include "jobs/shallow_water/account.hpp"

#include <algorithm>
#include <cmath>

namespace shallow_water {
namespace {

constexpr double units_per_metre = 0x1p40;

}  // namespace

void Account::add(std::span<const double> depths_m) {
  constexpr double bins_per_metre = bin_count / (histogram_top_m - histogram_bottom_m);
  for (const double depth_m : depths_m) {
    depth_sum += std::llround(depth_m * units_per_metre);
    lowest_m = std::min(lowest_m, depth_m);
    highest_m = std::max(highest_m, depth_m);
    const double bin = std::clamp((depth_m - histogram_bottom_m) * bins_per_metre, 0.0, bin_count - 1.0);
    ++histogram[static_cast<std::size_t>(bin)];
  }
}

double Account::mean_depth_m() const {
  return static_cast<double>(depth_sum) / units_per_metre / static_cast<double>(cells * cells);
}

Account reduce(const Account& part, MPI_Comm group) {
  Account whole = part;
  MPI_Reduce(&part.depth_sum, &whole.depth_sum, 1, MPI_INT64_T, MPI_SUM, 0, group);
  MPI_Reduce(&part.lowest_m, &whole.lowest_m, 1, MPI_DOUBLE, MPI_MIN, 0, group);
  MPI_Reduce(&part.highest_m, &whole.highest_m, 1, MPI_DOUBLE, MPI_MAX, 0, group);
  MPI_Reduce(part.histogram.data(), whole.histogram.data(), Account::bin_count, MPI_UINT64_T, MPI_SUM, 0,
             group);
  MPI_Reduce(&part.floats, &whole.floats, 1, MPI_UINT64_T, MPI_SUM, 0, group);
  return whole;
}

}  // namespace shallow_water
