#include "jobs/shallow_water/pool.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>

namespace shallow_water {
namespace {

constexpr double gravity = 9.81;  // m/s^2
constexpr double rest_depth_m = 1.0;
constexpr double courant_number = 0.25;  // of a small wave on water at rest
constexpr double viscosity = 0.01;       // share of the difference to each neighbour that flows in a step
constexpr double first_speed = 1.2;      // m/s, the fastest at the start

/// A hill of water at the start; lengths as shares of the pool's side.
struct Hill {
  double x, y, radius, height_m;
};
constexpr std::array<Hill, 2> hills{{{0.30, 0.35, 0.07, 0.45}, {0.68, 0.70, 0.05, 0.35}}};

/// How much depth and momentum such water carries along one axis in a second, through a metre of a face.
std::array<double, 3> flow(const std::array<double, 3>& water, std::size_t across) {
  const double speed = water[across] / water[0];
  std::array<double, 3> flow{water[across], water[1] * speed, water[2] * speed};
  flow[across] += 0.5 * gravity * water[0] * water[0];
  return flow;
}

}  // namespace

Pool::Pool(MPI_Comm group, std::size_t cells, std::size_t floats)
    : group_(group),
      cells_(cells),
      cell_m_(side_m / static_cast<double>(cells)),
      time_step_s_(courant_number * cell_m_ / std::sqrt(gravity * rest_depth_m)) {
  int rank = 0;
  int ranks = 0;
  MPI_Comm_rank(group, &rank);
  MPI_Comm_size(group, &ranks);
  if (cells < static_cast<std::size_t>(ranks)) {
    throw std::invalid_argument("a pool of " + std::to_string(cells) + " rows cannot be cut for " +
                                std::to_string(ranks) + " ranks: take more cells or fewer ranks");
  }
  below_ = rank > 0 ? rank - 1 : MPI_PROC_NULL;
  above_ = rank + 1 < ranks ? rank + 1 : MPI_PROC_NULL;
  first_row_ = cells * static_cast<std::size_t>(rank) / static_cast<std::size_t>(ranks);
  rows_ = cells * static_cast<std::size_t>(rank + 1) / static_cast<std::size_t>(ranks) - first_row_;
  for (std::size_t quantity = 0; quantity < quantities; ++quantity) {
    now_[quantity].resize((rows_ + 2) * pitch());
    next_[quantity].resize((rows_ + 2) * pitch());
  }
  fill();
  for (std::size_t index = 0; index < floats; ++index) {
    const Float one = first_place(index, floats, side_m);
    const std::size_t row = cell_at(one.y_m);
    if (row >= first_row_ && row < first_row_ + rows_) {
      floats_.push_back(one);
    }
  }
}

std::size_t Pool::cell_at(double place_m) const {
  return std::min(static_cast<std::size_t>(place_m / cell_m_), cells_ - 1);
}

void Pool::fill() {
  using std::numbers::pi;
  for (std::size_t row = 0; row < rows_; ++row) {
    for (std::size_t column = 0; column < cells_; ++column) {
      const double x = (static_cast<double>(column) + 0.5) / static_cast<double>(cells_);
      const double y = (static_cast<double>(first_row_ + row) + 0.5) / static_cast<double>(cells_);
      double here_m = rest_depth_m;
      for (const Hill& hill : hills) {
        const double from_x = (x - hill.x) / hill.radius;
        const double from_y = (y - hill.y) / hill.radius;
        here_m += hill.height_m * std::exp(-0.5 * (from_x * from_x + from_y * from_y));
      }
      // Stream function sin(pi x) sin(pi y): nothing flows through the walls.
      const std::size_t at = (row + 1) * pitch() + column + 1;
      now_[depth][at] = here_m;
      now_[momentum_x][at] = -here_m * first_speed * std::sin(pi * x) * std::cos(pi * y);
      now_[momentum_y][at] = here_m * first_speed * std::cos(pi * x) * std::sin(pi * y);
    }
  }
}

void Pool::exchange_ghosts() {
  constexpr int upwards = 1;
  constexpr int downwards = 2;
  const auto count = static_cast<int>(pitch());
  const std::size_t last = rows_ * pitch();
  for (auto& values : now_) {
    MPI_Sendrecv(&values[last], count, MPI_DOUBLE, above_, upwards, values.data(), count, MPI_DOUBLE, below_,
                 upwards, group_, MPI_STATUS_IGNORE);
    MPI_Sendrecv(&values[pitch()], count, MPI_DOUBLE, below_, downwards, &values[last + pitch()], count,
                 MPI_DOUBLE, above_, downwards, group_, MPI_STATUS_IGNORE);
  }
}

// Behind a wall is the mirror image of what is before it, so nothing flows through.
void Pool::set_walls() {
  const auto mirror = [this](std::size_t ghost, std::size_t inner, Quantity across) {
    for (std::size_t quantity = 0; quantity < quantities; ++quantity) {
      now_[quantity][ghost] = quantity == across ? -now_[quantity][inner] : now_[quantity][inner];
    }
  };
  for (std::size_t row = 1; row <= rows_; ++row) {
    const std::size_t first = row * pitch();
    mirror(first, first + 1, momentum_x);
    mirror(first + cells_ + 1, first + cells_, momentum_x);
  }
  for (std::size_t column = 1; column <= cells_; ++column) {
    if (below_ == MPI_PROC_NULL) {
      mirror(column, pitch() + column, momentum_y);
    }
    if (above_ == MPI_PROC_NULL) {
      mirror((rows_ + 1) * pitch() + column, rows_ * pitch() + column, momentum_y);
    }
  }
}

/// What flows from one cell to its neighbour in a step, as a share of a cell.
Pool::State Pool::through_face(std::size_t from, std::size_t to, Quantity across) const {
  const double ratio = time_step_s_ / cell_m_;
  const State left = state(from);
  const State right = state(to);
  const State left_flow = flow(left, across);
  const State right_flow = flow(right, across);
  State half_way{};
  for (std::size_t quantity = 0; quantity < quantities; ++quantity) {
    half_way[quantity] =
        0.5 * (left[quantity] + right[quantity]) - 0.5 * ratio * (right_flow[quantity] - left_flow[quantity]);
  }
  State through = flow(half_way, across);
  for (std::size_t quantity = 0; quantity < quantities; ++quantity) {
    through[quantity] = ratio * through[quantity] - viscosity * (right[quantity] - left[quantity]);
  }
  return through;
}

void Pool::advance_rows() {
  std::vector<State> from_below(cells_ + 1);
  for (std::size_t column = 1; column <= cells_; ++column) {
    from_below[column] = through_face(column, pitch() + column, momentum_y);
  }
  for (std::size_t row = 1; row <= rows_; ++row) {
    const std::size_t first = row * pitch();
    State from_left = through_face(first, first + 1, momentum_x);
    for (std::size_t column = 1; column <= cells_; ++column) {
      const std::size_t at = first + column;
      const State to_right = through_face(at, at + 1, momentum_x);
      const State to_above = through_face(at, at + pitch(), momentum_y);
      for (std::size_t quantity = 0; quantity < quantities; ++quantity) {
        next_[quantity][at] = now_[quantity][at] + (from_left[quantity] - to_right[quantity]) +
                              (from_below[column][quantity] - to_above[quantity]);
      }
      from_left = to_right;
      from_below[column] = to_above;
    }
  }
}

/// Each moves with the water of its cell.
void Pool::carry_floats() {
  for (Float& one : floats_) {
    const std::size_t row = cell_at(one.y_m) - first_row_;
    const State water = state((row + 1) * pitch() + cell_at(one.x_m) + 1);
    one.x_m = std::clamp(one.x_m + time_step_s_ * water[momentum_x] / water[depth], 0.0, side_m);
    one.y_m = std::clamp(one.y_m + time_step_s_ * water[momentum_y] / water[depth], 0.0, side_m);
  }
}

/// Those that have left this rank's rows go to the neighbours; none goes further than a cell in a step.
void Pool::hand_floats_on() {
  constexpr int float_tag = 3;
  const auto low = std::partition(floats_.begin(), floats_.end(),
                                  [&](const Float& one) { return cell_at(one.y_m) >= first_row_; });
  const std::vector<Float> down(low, floats_.end());
  floats_.erase(low, floats_.end());
  const auto high = std::partition(floats_.begin(), floats_.end(),
                                   [&](const Float& one) { return cell_at(one.y_m) < first_row_ + rows_; });
  const std::vector<Float> up(high, floats_.end());
  floats_.erase(high, floats_.end());
  for (const auto& [leaving, to, from] :
       {std::tuple(&down, below_, above_), std::tuple(&up, above_, below_)}) {
    auto count = static_cast<int>(leaving->size());
    int coming = 0;
    MPI_Sendrecv(&count, 1, MPI_INT, to, float_tag, &coming, 1, MPI_INT, from, float_tag, group_,
                 MPI_STATUS_IGNORE);
    std::vector<Float> arrived(static_cast<std::size_t>(coming));
    constexpr int float_size = sizeof(Float);
    MPI_Sendrecv(leaving->data(), count * float_size, MPI_BYTE, to, float_tag, arrived.data(),
                 coming * float_size, MPI_BYTE, from, float_tag, group_, MPI_STATUS_IGNORE);
    floats_.insert(floats_.end(), arrived.begin(), arrived.end());
  }
}

void Pool::step() {
  exchange_ghosts();
  set_walls();
  carry_floats();
  advance_rows();
  std::swap(now_, next_);
  hand_floats_on();
  ++steps_done_;
}

Account Pool::account() const {
  Account mine{.cells = cells_, .time_s = time_s(), .floats = floats_.size()};
  for (std::size_t row = 0; row < rows_; ++row) {
    mine.add({depths() + row * pitch(), cells_});
  }
  return reduce(mine, group_);
}

}  // namespace shallow_water
