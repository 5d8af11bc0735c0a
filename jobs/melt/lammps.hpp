#pragma once

#include <mpi.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace melt {

/// LAMMPS as a library, on the ranks of one communicator. Every call but `atoms`, `positions` and `ids` is
/// collective over these. An error of LAMMPS is a `std::runtime_error` with its text where that LAMMPS was
/// built with exceptions; else it ends the job.
class Lammps {
 public:
  explicit Lammps(MPI_Comm group);
  ~Lammps();
  Lammps(const Lammps&) = delete;
  Lammps& operator=(const Lammps&) = delete;

  /// One command of an input script.
  void command(const std::string& command);

  /// The atoms of all ranks, as LAMMPS counts them.
  std::size_t atoms_of_all();

  /// A value of LAMMPS's table, such as "temp".
  double thermo(const std::string& keyword);

  /// The first and the last corner of the box.
  std::array<double, 6> box();

  /// The result of `compute rdf`, as it is printed: of each bin the middle, g(r), and the atoms nearer than
  /// its end.
  std::vector<double> rdf(const std::string& compute, std::size_t bins);

  /// The atoms of this rank.
  std::size_t atoms();

  /// Where LAMMPS keeps their positions, x, y, z of each: not copied, valid until the next command.
  const double* positions();

  /// Their numbers, from 1.
  std::vector<std::int64_t> ids();

 private:
  void check();

  void* lammps_ = nullptr;
};

}  // namespace melt
