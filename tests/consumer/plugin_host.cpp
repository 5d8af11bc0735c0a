// A program that uses locum only in a plugin, which it opens while it runs: plugin_host FILE.
#include <dlfcn.h>
#include <mpi.h>

#include <cstdio>

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  void* const plugin = argc == 2 ? dlopen(argv[1], RTLD_NOW | RTLD_LOCAL) : nullptr;
  void* const function = plugin != nullptr ? dlsym(plugin, "mean_temperature") : nullptr;
  if (function == nullptr) {
    std::fprintf(stderr, "the plugin cannot be opened: %s\n", dlerror());
    MPI_Abort(MPI_COMM_WORLD, 1);
  }
  const double kelvin = reinterpret_cast<double (*)()>(function)();
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  std::printf("rank %d: the plugin reads %g K\n", rank, kelvin);
  MPI_Finalize();
  if (dlclose(plugin) != 0) {
    std::fprintf(stderr, "the plugin cannot be closed: %s\n", dlerror());
    return 1;
  }
}
