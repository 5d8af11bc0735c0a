#pragma once

#include <mpi.h>

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "jobs/gray_scott/decomposition.hpp"
#include "jobs/gray_scott/halo.hpp"
#include "jobs/mpi_owner.hpp"

namespace gray_scott {

enum class Species { u, v };

/// What the run computes. Names and diffusion as in the Gray-Scott tutorial of ADIOS2 (Du = 0.2, Dv = 0.1,
/// small noise on u); feed and kill are from Pearson's labyrinths. The Laplacian is the plain sum of seven
/// points, six times the tutorial's, which resolves the fronts and keeps them round; it needs time_step * (12
/// diffusion_u + max(v)^2 + feed) < 2.
struct Parameters {
  double diffusion_u = 0.2;
  double diffusion_v = 0.1;
  double feed = 0.025;
  double kill = 0.055;
  double reaction = 1.0;  ///< factor on u v^2; 0 with feed = kill = 0 leaves diffusion alone
  double time_step = 0.7;
  double noise = 1e-3;  ///< amplitude of the noise on u
  std::uint64_t seed = 1;
};

/// Gray-Scott reaction and diffusion (Pearson, Science 261, 1993) on a cube with periodic borders:
///
///   du/dt = Du lap(u) - u v^2 + F (1 - u) + noise
///   dv/dt = Dv lap(v) + u v^2 - (F + k) v
///
/// forward Euler in time, seven points in space, one block a rank. The result does not depend on the number
/// of ranks, to the last bit. One thread at a time; must be gone before MPI_Finalize.
class Solver {
 public:
  /// Collective over `communicator`, which must live as long. Starts at step 0.
  Solver(MPI_Comm communicator, std::size_t grid, const Parameters& parameters);
  Solver(const Solver&) = delete;
  Solver& operator=(const Solver&) = delete;

  /// Collective. Back to the initial fields: u = 1, v = 0 but for a few balls of v.
  void reset();
  /// Collective. One time step; the ghost layers are up to date afterwards.
  void step();

  std::uint64_t steps_done() const { return steps_done_; }
  /// This rank's cells in the global grid.
  const Block& block() const { return block_; }
  /// Extents of a field with its ghost layer of one cell on each side.
  Extents ghosted_extents() const;
  /// This rank's field with its ghost layers (faces only), row-major; valid until the next step.
  std::span<const double> field(Species species) const;
  /// The same, to start from fields of one's own; call exchange_ghosts() after.
  std::span<double> field(Species species);
  /// Collective. Needed only after fields were written from outside.
  void exchange_ghosts();
  /// Collective. The fields, which were written from outside, are those after so many steps.
  void resume(std::uint64_t steps_done) {
    steps_done_ = steps_done;
    exchange_ghosts();
  }
  /// Writes the cells without ghosts, row-major. REQUIRES: interior.size() == block().cells().
  void write_interior(Species species, std::span<double> interior) const;
  /// Collective. The sum over all cells of the grid.
  double total_mass(Species species) const;

 private:
  std::size_t field_size() const;

  Parameters parameters_;
  Decomposition decomposition_;
  jobs::Communicator cartesian_;
  Block block_;
  std::array<std::vector<double>, 2> buffers_;  ///< u then v, with ghosts; one is read, one is written
  std::size_t current_ = 0;
  std::optional<Halo> halo_;
  std::uint64_t steps_done_ = 0;
};

}  // namespace gray_scott
