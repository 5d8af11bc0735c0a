#include "mpi/launcher.hpp"

#include <array>
#include <cstdlib>

namespace locum::mpi {

std::string singleton_warning(int ranks) {
  constexpr std::array variables{"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "MV2_COMM_WORLD_SIZE",
                                 "SLURM_STEP_NUM_TASKS"};
  if (ranks != 1) {
    return {};
  }
  for (const char* variable : variables) {
    const char* text = std::getenv(variable);
    if (text != nullptr && std::strtol(text, nullptr, 10) > 1) {
      return std::string("MPI sees one rank, but the launcher says ") + variable + "=" + text +
             ": this rank shares objects with no other rank. Start it with the launcher of the MPI library "
             "that it is linked with (srun: --mpi=pmix)";
    }
  }
  return {};
}

}  // namespace locum::mpi
