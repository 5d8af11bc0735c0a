#pragma once

#include <mpi.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>

namespace shallow_water {

/// What is known of the water of a whole pool at one moment. Both programs compute it: the simulation from
/// its rows, the analysis from its columns. All sums are sums of integers, so the two agree to the last bit,
/// whatever the order of summation.
struct Account {
  static constexpr std::string_view locum_type_name = "shallow_water.account";
  static constexpr std::size_t bin_count = 64;
  static constexpr double histogram_bottom_m = 0.8;
  static constexpr double histogram_top_m = 1.4;

  std::uint64_t cells = 0;  ///< along each side of the pool
  double time_s = 0.0;
  std::int64_t depth_sum = 0;  ///< of all cells, each rounded to a multiple of 2^-40 m
  double lowest_m = std::numeric_limits<double>::infinity();
  double highest_m = -std::numeric_limits<double>::infinity();
  std::array<std::uint64_t, bin_count> histogram{};  ///< cells by depth; the end bins have what lies beyond
  std::uint64_t floats = 0;

  /// Adds cells with these depths.
  void add(std::span<const double> depths_m);
  [[nodiscard]] double mean_depth_m() const;

  bool operator==(const Account&) const = default;
};

/// Collective over `group`: the parts of all ranks together, on its rank 0.
Account reduce(const Account& part, MPI_Comm group);

}  // namespace shallow_water
