#include "jobs/gray_scott/analysis.hpp"

#include <algorithm>
#include <limits>

#include "jobs/gray_scott/compensated_sum.hpp"

namespace gray_scott {
namespace {

using Plane = std::vector<std::uint8_t>;

/// Calls visit(first cell of the row in the global plane, row of V) for each row of a block that lies in
/// plane z.
template <class Visit>
void for_each_row_of_plane(std::span<const BlockFields> blocks, std::size_t grid, std::size_t z,
                           Visit visit) {
  for (const BlockFields& fields : blocks) {
    const auto& [origin, extents] = fields.block;
    if (z < origin[0] || z >= origin[0] + extents[0]) {
      continue;
    }
    for (std::size_t y = 0; y < extents[1]; ++y) {
      const std::size_t first = ((z - origin[0]) * extents[1] + y) * extents[2];
      visit((origin[1] + y) * grid + origin[2], fields.v.subspan(first, extents[2]));
    }
  }
}

void mark_above(std::span<const BlockFields> blocks, std::size_t grid, std::size_t z, double threshold,
                Plane& above) {
  for_each_row_of_plane(blocks, grid, z, [&](std::size_t first, std::span<const double> row) {
    std::transform(row.begin(), row.end(), above.begin() + static_cast<std::ptrdiff_t>(first),
                   [threshold](double value) { return static_cast<std::uint8_t>(value > threshold); });
  });
}

/// The crossed cells between two neighbouring planes.
std::uint64_t count_between(const Plane& lower, const Plane& upper, std::size_t grid) {
  std::vector<std::uint8_t> corners(grid + 1);  // of the four points at x: how many lie above
  std::uint64_t crossed = 0;
  for (std::size_t y = 0; y < grid; ++y) {
    const std::size_t here = y * grid;
    const std::size_t next = (y + 1) % grid * grid;
    for (std::size_t x = 0; x < grid; ++x) {
      corners[x] =
          static_cast<std::uint8_t>(lower[here + x] + lower[next + x] + upper[here + x] + upper[next + x]);
    }
    corners[grid] = corners[0];
    for (std::size_t x = 0; x < grid; ++x) {
      const int above = corners[x] + corners[x + 1];
      crossed += above != 0 && above != 8 ? 1 : 0;
    }
  }
  return crossed;
}

}  // namespace

std::uint64_t count_isosurface_cells(std::span<const BlockFields> blocks, std::size_t grid,
                                     double threshold) {
  Plane lower(grid * grid);
  Plane upper(grid * grid);
  mark_above(blocks, grid, 0, threshold, lower);
  std::uint64_t crossed = 0;
  for (std::size_t z = 0; z < grid; ++z) {
    mark_above(blocks, grid, (z + 1) % grid, threshold, upper);
    crossed += count_between(lower, upper, grid);
    std::swap(lower, upper);
  }
  return crossed;
}

std::vector<double> assemble_mid_plane(std::span<const BlockFields> blocks, std::size_t grid) {
  std::vector<double> plane(grid * grid);
  for_each_row_of_plane(blocks, grid, grid / 2, [&](std::size_t first, std::span<const double> row) {
    std::copy(row.begin(), row.end(), plane.begin() + static_cast<std::ptrdiff_t>(first));
  });
  return plane;
}

Findings analyse(std::span<const BlockFields> blocks, std::size_t grid, const AnalysisRange& range) {
  Findings findings;
  findings.min_v = std::numeric_limits<double>::infinity();
  findings.max_v = -std::numeric_limits<double>::infinity();
  const double bins_per_unit = static_cast<double>(Findings::bin_count) / range.histogram_top;
  CompensatedSum mass_u;
  CompensatedSum mass_v;
  for (const BlockFields& fields : blocks) {
    mass_u.add(fields.u);
    mass_v.add(fields.v);
    for (const double value : fields.v) {
      findings.min_v = std::min(findings.min_v, value);
      findings.max_v = std::max(findings.max_v, value);
      const double bin = std::clamp(value * bins_per_unit, 0.0, static_cast<double>(Findings::bin_count - 1));
      ++findings.histogram_v[static_cast<std::size_t>(bin)];
    }
  }
  findings.mass_u = mass_u.value();
  findings.mass_v = mass_v.value();
  findings.mean_v = findings.mass_v / static_cast<double>(grid * grid * grid);
  findings.isosurface_cells = count_isosurface_cells(blocks, grid, range.threshold);
  return findings;
}

}  // namespace gray_scott
