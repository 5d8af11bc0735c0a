#include "jobs/melt/lammps.hpp"

#include <lammps/library.h>

#include <algorithm>
#include <stdexcept>

namespace melt {

Lammps::Lammps(MPI_Comm group) {
  std::array<std::string, 5> words = {"lammps", "-log", "none", "-screen", "none"};
  std::array<char*, words.size()> arguments{};
  std::transform(words.begin(), words.end(), arguments.begin(),
                 [](std::string& word) { return word.data(); });
  lammps_ = lammps_open(static_cast<int>(arguments.size()), arguments.data(), group, nullptr);
  if (lammps_ == nullptr) {
    throw std::runtime_error("LAMMPS did not start");
  }
}

Lammps::~Lammps() {
  lammps_close(lammps_);
}

void Lammps::command(const std::string& command) {
  lammps_command(lammps_, command.c_str());
  check();
}

std::size_t Lammps::atoms_of_all() {
  return static_cast<std::size_t>(lammps_get_natoms(lammps_));
}

double Lammps::thermo(const std::string& keyword) {
  const double value = lammps_get_thermo(lammps_, keyword.c_str());
  check();
  return value;
}

std::array<double, 6> Lammps::box() {
  std::array<double, 6> corners{};
  lammps_extract_box(lammps_, corners.data(), &corners[3], nullptr, nullptr, nullptr, nullptr, nullptr);
  check();
  return corners;
}

std::vector<double> Lammps::rdf(const std::string& compute, std::size_t bins) {
  void* const result = lammps_extract_compute(lammps_, compute.c_str(), LMP_STYLE_GLOBAL, LMP_TYPE_ARRAY);
  check();
  if (result == nullptr) {
    throw std::runtime_error("LAMMPS has no result of the compute " + compute);
  }
  const double* const first = *static_cast<double**>(result);
  return {first, first + 3 * bins};
}

std::size_t Lammps::atoms() {
  return static_cast<std::size_t>(lammps_extract_setting(lammps_, "nlocal"));
}

const double* Lammps::positions() {
  auto* const rows = static_cast<double**>(lammps_extract_atom(lammps_, "x"));
  check();
  return atoms() == 0 ? nullptr : rows[0];  // LAMMPS allocates the rows in one piece
}

std::vector<std::int64_t> Lammps::ids() {
  const void* const first = lammps_extract_atom(lammps_, "id");
  check();
  if (lammps_extract_setting(lammps_, "tagint") == sizeof(std::int64_t)) {
    const auto* const numbers = static_cast<const std::int64_t*>(first);
    return {numbers, numbers + atoms()};
  }
  const auto* const numbers = static_cast<const int*>(first);
  return {numbers, numbers + atoms()};
}

void Lammps::check() {
  if (lammps_config_has_exceptions() == 0 || lammps_has_error(lammps_) == 0) {
    return;
  }
  std::array<char, 512> text{};
  lammps_get_last_error_message(lammps_, text.data(), text.size());
  throw std::runtime_error(text.data());
}

}  // namespace melt
