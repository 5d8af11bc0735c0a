// locum-steps: shows a stream of steps, as one more program of the job that writes it.
#include <mpi.h>

#include <chrono>
#include <cstdio>
#include <locum/locum.hpp>

#include "jobs/steps_viewer/options.hpp"
#include "jobs/steps_viewer/viewer.hpp"

namespace {

constexpr int usage_exit_code = 2;

/// Takes part in the splits that the other programs make of the world; collective over it.
void take_part_in_splits(int splits) {
  for (int split = 0; split < splits; ++split) {
    MPI_Comm none = MPI_COMM_NULL;
    MPI_Comm_split(MPI_COMM_WORLD, MPI_UNDEFINED, 0, &none);
  }
}

/// Whether all that was wanted was shown. An error must not end the job, whose other programs go on: this
/// rank then only waits for them.
bool run(const steps_viewer::ViewerOptions& options) {
  int ranks = 0;
  MPI_Comm_size(MPI_COMM_WORLD, &ranks);
  if (ranks == 1) {
    std::fprintf(stderr,
                 "locum-steps: no other program is in this job; start it in that of the writer: mpirun -n 4 "
                 "./simulation : -n 1 locum-steps list %s\n",
                 options.stream.c_str());
    return false;
  }
  try {
    take_part_in_splits(options.splits);
    locum::Runtime runtime(MPI_COMM_WORLD, {.as_others = true});
    const bool shown = steps_viewer::view(runtime, options, stdout);
    // The others may go on for days; they have deadlines of their own for this rank, which is here already.
    constexpr std::chrono::hours until_all_have_closed{24 * 365};
    runtime.close(until_all_have_closed);
    return shown;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "locum-steps: %s\n", error.what());
    return false;
  }
}

}  // namespace

int main(int argc, char** argv) {
  // Before MPI_Init: a wrong command line ends the job before it has begun.
  const auto parsed = steps_viewer::parse_options({argv + 1, argv + argc});
  if (const auto* help = std::get_if<steps_viewer::HelpWanted>(&parsed)) {
    std::printf("%s", help->text.c_str());
    return 0;
  }
  if (const auto* error = std::get_if<steps_viewer::UsageError>(&parsed)) {
    std::fprintf(stderr, "locum-steps: %s\nlocum-steps --help shows the commands and their options.\n",
                 error->message.c_str());
    return usage_exit_code;
  }
  int provided = 0;
  MPI_Init_thread(&argc, &argv, MPI_THREAD_MULTIPLE, &provided);
  const bool shown = run(std::get<steps_viewer::ViewerOptions>(parsed));
  MPI_Finalize();
  return shown ? 0 : 1;
}
