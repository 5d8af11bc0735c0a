// A plugin: a shared module that is linked with the static libraries. plugin_host.cpp, which knows nothing of
// locum, opens it.
#include <mpi.h>

#include <locum/locum.hpp>
#include <vector>

// Returns what this rank reads of the array that rank 0 has put. Collective over MPI_COMM_WORLD.
extern "C" double mean_temperature() {
  locum::Runtime runtime(MPI_COMM_WORLD, {.memory_bytes = 64 << 20});
  const locum::Store fields = runtime.store("fields");
  if (runtime.rank() == 0) {
    fields.put("T", std::vector<double>(1000, 300.0)).value();
  }
  const auto temperature = fields.wait<double[]>("T").value();
  double sum = 0;
  for (const double kelvin : temperature) {
    sum += kelvin;
  }
  return sum / 1000;
}
