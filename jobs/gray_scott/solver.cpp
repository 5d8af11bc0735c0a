#include "jobs/gray_scott/solver.hpp"

#include <algorithm>

#include "jobs/gray_scott/noise.hpp"

namespace gray_scott {
namespace {

/// Factors of the update with the time step folded in.
struct Coefficients {
  double diffusion_u;
  double diffusion_v;
  double reaction;
  double feed;
  double decay;
  double noise;
};

/// One row of cells and where its neighbours are: `pitch` to the rows in y, `plane` to those in z.
struct Row {
  std::ptrdiff_t cells;
  std::ptrdiff_t pitch;
  std::ptrdiff_t plane;
  std::uint32_t noise;  ///< of noise_row
  std::uint32_t first_x;
};

/// A block as the kernel sees it.
struct Geometry {
  Block block;
  Extents ghosted;
  std::size_t grid;
};

// gcc compiles what is marked so twice and takes the wider vectors where the processor has them; the numbers
// are the same, since nothing is contracted or reordered.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__)
#define GRAY_SCOTT_CLONES __attribute__((target_clones("avx2", "default")))
#else
#define GRAY_SCOTT_CLONES
#endif

template <bool WithNoise>
[[gnu::always_inline]] inline void update_row(const Coefficients& c, const Row& row,
                                              const double* __restrict u, const double* __restrict v,
                                              double* __restrict next_u, double* __restrict next_v) {
  const std::ptrdiff_t pitch = row.pitch;
  const std::ptrdiff_t plane = row.plane;
  for (std::ptrdiff_t x = 0; x < row.cells; ++x) {
    const double here_u = u[x];
    const double here_v = v[x];
    const double around_u =
        ((u[x - 1] + u[x + 1]) + (u[x - pitch] + u[x + pitch])) + (u[x - plane] + u[x + plane]);
    const double around_v =
        ((v[x - 1] + v[x + 1]) + (v[x - pitch] + v[x + pitch])) + (v[x - plane] + v[x + plane]);
    const double reacted = c.reaction * here_u * here_v * here_v;
    double change_u = c.diffusion_u * (around_u - 6.0 * here_u) - reacted + c.feed * (1.0 - here_u);
    const double change_v = c.diffusion_v * (around_v - 6.0 * here_v) + reacted - c.decay * here_v;
    if constexpr (WithNoise) {
      change_u += c.noise * noise_at(row.noise, row.first_x + static_cast<std::uint32_t>(x));
    }
    next_u[x] = here_u + change_u;
    next_v[x] = here_v + change_v;
  }
}

/// `now` and `next` hold u, then v, each with its ghosts.
GRAY_SCOTT_CLONES void update_block(const Coefficients& coefficients, const Geometry& geometry,
                                    std::uint64_t seed, std::uint64_t step, const double* now, double* next) {
  const auto [planes, rows, columns] = geometry.ghosted;
  const std::size_t field = planes * rows * columns;
  const Block& block = geometry.block;
  for (std::size_t z = 1; z + 1 < planes; ++z) {
    for (std::size_t y = 1; y + 1 < rows; ++y) {
      const std::size_t first = (z * rows + y) * columns + 1;
      const std::size_t global_row = (block.origin[0] + z - 1) * geometry.grid + block.origin[1] + y - 1;
      const Row row{.cells = static_cast<std::ptrdiff_t>(columns - 2),
                    .pitch = static_cast<std::ptrdiff_t>(columns),
                    .plane = static_cast<std::ptrdiff_t>(rows * columns),
                    .noise = noise_row(seed, step, global_row),
                    .first_x = static_cast<std::uint32_t>(block.origin[2])};
      const double* u = now + first;
      double* next_u = next + first;
      if (coefficients.noise != 0.0) {
        update_row<true>(coefficients, row, u, u + field, next_u, next_u + field);
      } else {
        update_row<false>(coefficients, row, u, u + field, next_u, next_u + field);
      }
    }
  }
}

/// Where v starts, in parts of the grid: a few balls, off the middle so that what grows is no mere sphere.
struct Ball {
  double z, y, x, radius;
};
constexpr std::array<Ball, 5> initial_balls{{{0.50, 0.40, 0.36, 0.080},
                                             {0.46, 0.70, 0.62, 0.060},
                                             {0.56, 0.24, 0.74, 0.050},
                                             {0.30, 0.74, 0.24, 0.070},
                                             {0.74, 0.52, 0.80, 0.060}}};
/// In cells: smaller ones dissolve before they react.
constexpr double smallest_radius = 4.5;

/// The point, in cells of a grid so large.
bool in_a_ball(double z, double y, double x, double grid) {
  return std::any_of(initial_balls.begin(), initial_balls.end(), [&](const Ball& ball) {
    const double from_z = z - grid * ball.z;
    const double from_y = y - grid * ball.y;
    const double from_x = x - grid * ball.x;
    const double radius = std::max(grid * ball.radius, smallest_radius);
    return from_z * from_z + from_y * from_y + from_x * from_x < radius * radius;
  });
}

}  // namespace

Solver::Solver(MPI_Comm communicator, std::size_t grid, const Parameters& parameters)
    : parameters_(parameters), decomposition_(grid, [communicator] {
        int ranks = 0;
        MPI_Comm_size(communicator, &ranks);
        return ranks;
      }()) {
  const std::array<int, 3> periodic{1, 1, 1};
  MPI_Cart_create(communicator, 3, decomposition_.ranks_per_side().data(), periodic.data(), 0,
                  cartesian_.out());
  int rank = 0;
  MPI_Comm_rank(cartesian_.get(), &rank);
  block_ = decomposition_.block(rank);
  for (auto& buffer : buffers_) {
    buffer.resize(2 * field_size());
  }
  const std::array<double*, 2> bases{buffers_[0].data(), buffers_[1].data()};
  halo_.emplace(cartesian_.get(), block_.extents, bases);
  reset();
}

Extents Solver::ghosted_extents() const {
  return {block_.extents[0] + 2, block_.extents[1] + 2, block_.extents[2] + 2};
}

std::size_t Solver::field_size() const {
  const Extents ghosted = ghosted_extents();
  return ghosted[0] * ghosted[1] * ghosted[2];
}

std::span<const double> Solver::field(Species species) const {
  return std::span(buffers_[current_]).subspan(species == Species::u ? 0 : field_size(), field_size());
}

std::span<double> Solver::field(Species species) {
  return std::span(buffers_[current_]).subspan(species == Species::u ? 0 : field_size(), field_size());
}

void Solver::exchange_ghosts() {
  halo_->exchange(current_);
}

void Solver::reset() {
  steps_done_ = 0;
  const auto [planes, rows, columns] = ghosted_extents();
  const auto u = field(Species::u);
  const auto v = field(Species::v);
  const auto grid = static_cast<double>(decomposition_.grid());
  const auto place = [&](std::size_t axis, std::size_t ghosted_index) {
    return static_cast<double>(block_.origin[axis] + ghosted_index) - 0.5;
  };
  std::size_t cell = 0;
  for (std::size_t z = 0; z < planes; ++z) {
    for (std::size_t y = 0; y < rows; ++y) {
      for (std::size_t x = 0; x < columns; ++x, ++cell) {
        const bool seeded = in_a_ball(place(0, z), place(1, y), place(2, x), grid);
        u[cell] = seeded ? 0.25 : 1.0;
        v[cell] = seeded ? 0.33 : 0.0;
      }
    }
  }
  exchange_ghosts();
}

void Solver::step() {
  const Parameters& p = parameters_;
  const Coefficients coefficients{.diffusion_u = p.time_step * p.diffusion_u,
                                  .diffusion_v = p.time_step * p.diffusion_v,
                                  .reaction = p.time_step * p.reaction,
                                  .feed = p.time_step * p.feed,
                                  .decay = p.time_step * (p.feed + p.kill),
                                  .noise = p.time_step * p.noise};
  update_block(coefficients, {block_, ghosted_extents(), decomposition_.grid()}, p.seed, steps_done_,
               buffers_[current_].data(), buffers_[1 - current_].data());
  current_ = 1 - current_;
  ++steps_done_;
  exchange_ghosts();
}

void Solver::write_interior(Species species, std::span<double> interior) const {
  const auto ghosted = field(species);
  const auto [planes, rows, columns] = ghosted_extents();
  double* out = interior.data();
  for (std::size_t z = 1; z + 1 < planes; ++z) {
    for (std::size_t y = 1; y + 1 < rows; ++y) {
      out = std::copy_n(&ghosted[(z * rows + y) * columns + 1], columns - 2, out);
    }
  }
}

double Solver::total_mass(Species species) const {
  const auto ghosted = field(species);
  const auto [planes, rows, columns] = ghosted_extents();
  double mass = 0.0;
  for (std::size_t z = 1; z + 1 < planes; ++z) {
    for (std::size_t y = 1; y + 1 < rows; ++y) {
      const double* row = &ghosted[(z * rows + y) * columns + 1];
      double in_row = 0.0;  // sums of rows, then of sums: fewer digits lost than in one long sum
      for (std::size_t x = 0; x + 2 < columns; ++x) {
        in_row += row[x];
      }
      mass += in_row;
    }
  }
  double total = 0.0;
  MPI_Allreduce(&mass, &total, 1, MPI_DOUBLE, MPI_SUM, cartesian_.get());
  return total;
}

}  // namespace gray_scott
