#pragma once

#include <mpi.h>

#include <array>
#include <cstddef>
#include <span>
#include <vector>

#include "jobs/shallow_water/account.hpp"
#include "jobs/shallow_water/floats.hpp"

namespace shallow_water {

/// Water in a square pool with walls, by the shallow-water equations:
///
///   d(depth)/dt + div(momentum) = 0
///   d(momentum)/dt + div(momentum momentum / depth + g depth^2 / 2) = 0
///
/// by the two-step scheme of Lax and Wendroff (Richtmyer) with a little viscosity against ripples behind
/// steep waves. At first the water turns clockwise round the middle of the pool, and there are two hills of
/// water.
///
/// Each rank has some rows, with one row of ghost cells on either side and one column left and right. The
/// result does not depend on the number of ranks, to the last bit. One thread at a time.
class Pool {
 public:
  static constexpr double side_m = 10.0;

  /// Collective over `group`, which must live as long. `cells` along each side. Throws std::invalid_argument
  /// on all ranks if there are fewer rows than ranks.
  Pool(MPI_Comm group, std::size_t cells, std::size_t floats);
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  /// Collective. One time step.
  void step();

  [[nodiscard]] double time_s() const { return static_cast<double>(steps_done_) * time_step_s_; }
  [[nodiscard]] std::size_t cells() const { return cells_; }
  /// The first row of this rank, in the pool, and how many it has.
  [[nodiscard]] std::size_t first_row() const { return first_row_; }
  [[nodiscard]] std::size_t rows() const { return rows_; }
  /// The depth in this rank's first cell; that in the next row is pitch() further.
  [[nodiscard]] const double* depths() const { return &field(depth)[pitch() + 1]; }
  [[nodiscard]] std::size_t pitch() const { return cells_ + 2; }
  /// The floats that are in this rank's rows.
  [[nodiscard]] const std::vector<Float>& floats() const { return floats_; }
  /// Collective: of the whole pool, on rank 0 of the group.
  [[nodiscard]] Account account() const;

 private:
  enum Quantity : std::size_t { depth, momentum_x, momentum_y };
  static constexpr std::size_t quantities = 3;
  /// Depth and momentum at one place, or how much of them flows through a face.
  using State = std::array<double, quantities>;

  /// Which column, or row of the pool, is there.
  [[nodiscard]] std::size_t cell_at(double place_m) const;
  void fill();
  void exchange_ghosts();
  void set_walls();
  void advance_rows();
  void carry_floats();
  void hand_floats_on();
  [[nodiscard]] std::span<double> field(Quantity quantity) { return now_[quantity]; }
  [[nodiscard]] std::span<const double> field(Quantity quantity) const { return now_[quantity]; }
  [[nodiscard]] State state(std::size_t at) const {
    return {now_[depth][at], now_[momentum_x][at], now_[momentum_y][at]};
  }
  [[nodiscard]] State through_face(std::size_t from, std::size_t to, Quantity across) const;

  MPI_Comm group_;
  int below_ = MPI_PROC_NULL;  ///< the rank that has the rows with lower numbers
  int above_ = MPI_PROC_NULL;
  std::size_t cells_;
  std::size_t first_row_ = 0;
  std::size_t rows_ = 0;
  double cell_m_;
  double time_step_s_;
  std::size_t steps_done_ = 0;
  std::array<std::vector<double>, quantities> now_;  ///< with ghosts, row-major
  std::array<std::vector<double>, quantities> next_;
  std::vector<Float> floats_;
};

}  // namespace shallow_water
