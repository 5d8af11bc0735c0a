// locum-info: prints what a job of locum finds on the machines that it runs on, and what of it is slow or
// risky. Start it as the job that it is to tell about: mpirun -n 8 --hostfile hosts locum-info.
#include <mpi.h>

#include <cstdio>
#include <cstring>
#include <locum/locum.hpp>
#include <string>

namespace {

constexpr const char* usage =
    "usage: mpirun … locum-info [--memory], or srun … locum-info [--memory]\n\n"
    "Prints the nodes, ranks and memory of this job, what connects the nodes, MPI, and the limits of its\n"
    "processes, then a line with a remedy for each setting that is slow or risky. Start it with the options "
    "of\n"
    "the launcher, and the variables (LOCUM_…, UCX_…), of the job that you are going to run.\n\n"
    "--memory  also what the library takes of each node's memory, and each rank of it, before there is any\n"
    "          object: Runtime::report_all(), which a program prints to see its own\n";

bool describe(bool with_memory) {
  try {
    locum::Runtime runtime(MPI_COMM_WORLD, {.log = locum::Log::off});
    const std::string text = runtime.describe() + (with_memory ? runtime.report_all() : std::string());
    if (runtime.rank() == 0) {
      std::fputs(text.c_str(), stdout);
    }
    runtime.close();
    return true;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "locum-info: %s\n", error.what());
    return false;
  }
}

}  // namespace

int main(int argc, char** argv) {
  const bool with_memory = argc == 2 && std::strcmp(argv[1], "--memory") == 0;
  if (argc > 1 && !with_memory) {
    const bool asks_for_help = std::strcmp(argv[1], "-h") == 0 || std::strcmp(argv[1], "--help") == 0;
    std::fputs(usage, asks_for_help ? stdout : stderr);
    return asks_for_help ? 0 : 2;
  }
  int level = MPI_THREAD_SINGLE;
  MPI_Init_thread(&argc, &argv, MPI_THREAD_MULTIPLE, &level);
  const bool done = describe(with_memory);
  if (!done) {
    MPI_Abort(MPI_COMM_WORLD, 1);
  }
  MPI_Finalize();
  return 0;
}
