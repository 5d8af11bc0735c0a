// Gray-Scott in three dimensions, simulated by some ranks and analysed by others that read its fields in
// place.
#include <mpi.h>

#include <cstdint>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <locum/locum.hpp>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <variant>
#include <vector>

#include "jobs/gray_scott/event_log.hpp"
#include "jobs/gray_scott/frame_reports.hpp"
#include "jobs/gray_scott/node_memory.hpp"
#include "jobs/gray_scott/options.hpp"
#include "jobs/gray_scott/progress.hpp"
#include "jobs/gray_scott/roles.hpp"
#include "jobs/gray_scott/saved_states.hpp"
#include "jobs/gray_scott/solver.hpp"
#include "jobs/gray_scott/summary.hpp"
#include "jobs/gray_scott/timeline.hpp"
#include "jobs/gray_scott/traffic.hpp"
#include "jobs/mpi_owner.hpp"
#include "jobs/table.hpp"

namespace {

using namespace gray_scott;
using jobs::format_bytes;

constexpr int usage_exit_code = 2;

/// All ranks come to the same conclusion, so one of them says it.
int refuse(const std::string& message, int rank) {
  if (rank == 0) {
    std::fprintf(stderr, "gray_scott_demo: %s (--help says what it takes)\n", message.c_str());
  }
  return usage_exit_code;
}

/// Collective. Rank 0 makes the output folder; all ranks learn whether it is there.
bool make_folder(const std::filesystem::path& folder, int rank) {
  int made = 1;
  if (rank == 0) {
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    if (error) {
      std::fprintf(stderr, "gray_scott_demo: cannot make the folder %s: %s\n", folder.c_str(),
                   error.message().c_str());
      made = 0;
    }
  }
  MPI_Bcast(&made, 1, MPI_INT, 0, MPI_COMM_WORLD);
  return made == 1;
}

/// Collective. Whether the run fits into the node's memory: better said now than found out by the kernel.
bool fits_into_memory(const DemoOptions& options, int rank) {
  int fits = 1;
  if (rank == 0) {
    const std::uint64_t needed = needed_bytes(options);
    const auto available = available_bytes();
    if (available && needed > *available) {
      refuse("--grid " + std::to_string(options.grid) + " needs about " +
                 format_bytes(static_cast<double>(needed)) + " of memory, " +
                 format_bytes(static_cast<double>(*available)) + " are available: take a smaller grid",
             rank);
      fits = 0;
    }
  }
  MPI_Bcast(&fits, 1, MPI_INT, 0, MPI_COMM_WORLD);
  return fits == 1;
}

/// Memory of each node for the frames, with room for the arenas' own rounding.
std::uint64_t store_bytes(const DemoOptions& options) {
  using namespace locum::literals;
  const auto ranks = static_cast<std::uint64_t>(options.simulation_ranks + options.analysis_ranks);
  return frames_bytes(options) * 5 / 4 + ranks * 32_MiB;
}

/// One rank cannot go on, and the others would wait for it.
void end_job(const std::exception& error, int rank) {
  std::fprintf(stderr, "gray_scott_demo: rank %d: %s\n", rank, error.what());
  MPI_Abort(MPI_COMM_WORLD, 1);
}

/// Collective. Where the run goes on: behind the latest checkpoint, which the ranks that simulate look for.
std::size_t first_frame(SavedStates* states, const DemoOptions& options) {
  std::uint64_t step = states != nullptr ? states->find() : 0;
  MPI_Bcast(&step, 1, MPI_UINT64_T, 0, MPI_COMM_WORLD);
  if (step % options.every != 0 || step / options.every >= options.frames()) {
    throw std::runtime_error("the latest checkpoint is of step " + std::to_string(step) +
                             ": restart with an --every of which that is a multiple, and more --steps");
  }
  return static_cast<std::size_t>(step / options.every);
}

/// Collective. Both runs; what comes back is complete on rank 0.
RunRecord run(DemoOptions options, const Decomposition& decomposition, int rank) {
  const bool simulates = rank < options.simulation_ranks;
  jobs::Communicator role;
  MPI_Comm_split(MPI_COMM_WORLD, simulates ? 0 : 1, rank, role.out());

  Progress progress(rank == 0);
  std::optional<Solver> solver;
  std::optional<SavedStates> saved;
  if (simulates) {
    solver.emplace(role.get(), options.grid, Parameters{});
  }
  if (simulates && options.saves()) {
    saved.emplace(role.get(), options);
  }
  SavedStates* const states = saved ? &*saved : nullptr;
  if (options.restart) {
    options.first_frame = first_frame(states, options);
  }
  RunRecord record;
  record.options = options;

  // What the simulation takes by itself; the others wait.
  const EventLog alone(MPI_COMM_WORLD);
  if (simulates) {
    simulate_alone(*solver, states, options, progress);
  }
  MPI_Barrier(MPI_COMM_WORLD);
  record.alone_s = alone.now_s();

  locum::Runtime runtime(MPI_COMM_WORLD, {.memory_bytes = store_bytes(options)});
  FrameReports reports(MPI_COMM_WORLD, options.simulation_ranks, options.analysis_ranks);
  std::vector<locum::StepWriter> streams;
  if (simulates) {
    streams = open_streams(runtime, role.get(), options);
  }
  EventLog log(MPI_COMM_WORLD);
  try {
    if (simulates) {
      record.simulation = simulate_coupled(streams, *solver, states, options, reports, log, progress);
      record.simulation.fingerprint = fingerprint(*solver, options.grid, role.get());
    } else {
      analyse_frames(runtime, rank - options.simulation_ranks, decomposition, options, reports, log);
    }
  } catch (const std::exception& error) {
    end_job(error, rank);  // before the runtime is closed, which all ranks would have to do together
  }
  MPI_Barrier(MPI_COMM_WORLD);
  record.coupled_s = log.now_s();
  record.events = gather_events(log.events(), MPI_COMM_WORLD);
  record.traffic = gather_traffic(runtime.metrics(), MPI_COMM_WORLD);
  record.transfers = gather_transfer_times(runtime.metrics(), MPI_COMM_WORLD);
  return record;
}

/// For rank 0: the timeline, the tables, and whether all was well.
int report(const RunRecord& record) {
  const DemoOptions& options = record.options;
  const std::size_t middle = options.own_frames() / 2;
  draw_timeline(
      timeline_title(record),
      "The marked part: frame " + std::to_string(options.first_frame + middle + 1) + " is handed over",
      timeline_rows(record), window_of_frame(record, middle))
      .write_png(options.output / "timeline.png");
  std::printf("%s\n  pictures: %s, v_%04zu.png to v_%04zu.png and timeline.png\n",
              summary_text(record).c_str(), options.output.c_str(), options.first_frame,
              options.frames() - 1);
  return worst_mass_difference(record.simulation) <= largest_mass_difference ? 0 : 1;
}

/// Collective.
int run_and_report(const DemoOptions& options, int rank) {
  const Decomposition decomposition(options.grid, options.simulation_ranks);
  if (!fits_into_memory(options, rank)) {
    return usage_exit_code;
  }
  if (!make_folder(options.saves() ? options.checkpoints() : options.output, rank)) {
    return 1;
  }
  const RunRecord record = run(options, decomposition, rank);
  int exit_code = rank == 0 ? report(record) : 0;
  MPI_Bcast(&exit_code, 1, MPI_INT, 0, MPI_COMM_WORLD);
  return exit_code;
}

}  // namespace

int main(int argc, char** argv) {
  int provided = MPI_THREAD_SINGLE;
  MPI_Init_thread(&argc, &argv, MPI_THREAD_MULTIPLE, &provided);  // for LOCUM_TRANSPORT=mpi
  int rank = 0;
  int ranks = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &ranks);

  int exit_code = 0;
  try {
    const auto parsed = parse_options({argv + 1, static_cast<std::size_t>(argc - 1)}, ranks);
    if (const auto* options = std::get_if<DemoOptions>(&parsed)) {
      exit_code = run_and_report(*options, rank);
    } else if (const auto* error = std::get_if<UsageError>(&parsed)) {
      exit_code = refuse(error->message, rank);
    } else if (rank == 0) {
      std::printf("%s", usage().c_str());
    }
  } catch (const UnsuitableGrid& error) {
    exit_code = refuse(error.what(), rank);
  } catch (const std::exception& error) {
    end_job(error, rank);
  }
  MPI_Finalize();
  return exit_code;
}
