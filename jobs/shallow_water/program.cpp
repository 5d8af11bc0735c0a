#include "jobs/shallow_water/program.hpp"

#include <array>
#include <cstdio>
#include <exception>
#include <sstream>

#include "jobs/mpi_owner.hpp"

namespace shallow_water {
namespace {

constexpr int usage_exit_code = 2;

/// What a rank makes of its command line: larger is worse.
enum class Wish : int { run = 0, help = 1, refuse = 2 };

/// Collective over all ranks of both programs: whether there are ranks of both.
bool both_are_here(Role role) {
  std::array<int, 2> ranks{};
  ranks[static_cast<std::size_t>(role)] = 1;
  MPI_Allreduce(MPI_IN_PLACE, ranks.data(), 2, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
  return ranks[0] > 0 && ranks[1] > 0;
}

Wish read_command_line(int argc, char** argv, CLI::App& app, bool prints) {
  try {
    app.parse(argc, argv);
    return Wish::run;
  } catch (const CLI::ParseError& error) {
    std::ostringstream nowhere;
    const int code = prints ? app.exit(error) : app.exit(error, nowhere, nowhere);
    return code == 0 ? Wish::help : Wish::refuse;
  }
}

/// Collective over all ranks of both programs.
int run_coupled(int argc, char** argv, CLI::App& app, Role role, const std::function<int(MPI_Comm)>& run) {
  jobs::Communicator group;
  MPI_Comm_split(MPI_COMM_WORLD, static_cast<int>(role), 0, group.out());
  int rank = 0;
  MPI_Comm_rank(group.get(), &rank);

  auto wish = static_cast<int>(read_command_line(argc, argv, app, rank == 0));
  MPI_Allreduce(MPI_IN_PLACE, &wish, 1, MPI_INT, MPI_MAX, MPI_COMM_WORLD);
  if (wish != static_cast<int>(Wish::run)) {
    return wish == static_cast<int>(Wish::help) ? 0 : usage_exit_code;
  }
  if (!both_are_here(role)) {
    if (rank == 0) {
      std::fprintf(stderr,
                   "%s: a job has two programs; start both: mpirun -n 4 shallow_water_simulation : -n 2 "
                   "shallow_water_analysis\n",
                   argv[0]);
    }
    return usage_exit_code;
  }
  int exit_code = run(group.get());
  MPI_Allreduce(MPI_IN_PLACE, &exit_code, 1, MPI_INT, MPI_MAX, MPI_COMM_WORLD);
  return exit_code;
}

}  // namespace

int run_program(int argc, char** argv, CLI::App& app, Role role, const std::function<int(MPI_Comm)>& run) {
  int provided = MPI_THREAD_SINGLE;
  MPI_Init_thread(&argc, &argv, MPI_THREAD_MULTIPLE, &provided);  // for LOCUM_TRANSPORT=mpi
  int exit_code = 0;
  try {
    exit_code = run_coupled(argc, argv, app, role, run);
  } catch (const std::exception& error) {
    int rank = 0;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    std::fprintf(stderr, "%s: rank %d: %s\n", argv[0], rank, error.what());
    MPI_Abort(MPI_COMM_WORLD, 1);
  }
  MPI_Finalize();
  return exit_code;
}

}  // namespace shallow_water
