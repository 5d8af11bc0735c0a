// Reads what the simulation of the pool writes, while it runs: prints a table and draws pictures. Each rank
// reads some columns of the pool, whereas the simulation has cut it into rows.
#include <mpi.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <locum/locum.hpp>
#include <vector>

#include "jobs/shallow_water/account.hpp"
#include "jobs/shallow_water/floats.hpp"
#include "jobs/shallow_water/picture.hpp"
#include "jobs/shallow_water/program.hpp"

namespace {

using namespace shallow_water;

struct AnalysisOptions {
  std::size_t pictures = 5;
  std::filesystem::path output = "out/shallow_water";
};

/// What rank 0 has found so far.
struct Findings {
  std::size_t steps = 0;
  std::size_t pictures = 0;
  double first_mean_m = 0.0;
  double largest_drift = 0.0;  ///< of the mean depth, relatively: water that got lost or came from nowhere
  bool agree = true;           ///< with what the simulation has computed itself
};

void print_row(const Account& found, bool agrees, std::size_t step) {
  if (step == 0) {
    std::printf("  %8s  %14s  %10s  %10s  %7s  %s\n", "time", "mean depth", "lowest", "highest", "floats",
                "as the simulation says");
  }
  std::printf("  %6.3f s  %12.9f m  %8.6f m  %8.6f m  %7llu  %s\n", found.time_s, found.mean_depth_m(),
              found.lowest_m, found.highest_m, static_cast<unsigned long long>(found.floats),
              agrees ? "to the last bit" : "DIFFERENT");
  std::fflush(stdout);
}

/// On rank 0.
void take(Findings& findings, const Account& found, const Account& told) {
  const bool agrees = found == told;
  print_row(found, agrees, findings.steps);
  if (findings.steps == 0) {
    findings.first_mean_m = found.mean_depth_m();
  }
  findings.agree = findings.agree && agrees;
  findings.largest_drift =
      std::max(findings.largest_drift, std::abs(found.mean_depth_m() / findings.first_mean_m - 1.0));
  ++findings.steps;
}

/// On rank 0. Returns the exit status.
int report(const Findings& findings, const AnalysisOptions& options) {
  constexpr double largest_drift = 1e-11;
  const bool is_well = findings.steps > 0 && findings.agree && findings.largest_drift <= largest_drift;
  std::printf("analysis: %zu steps, water lost or gained: %.1e of all%s; %zu pictures in %s\n",
              findings.steps, findings.largest_drift, is_well ? "" : " -- SOMETHING IS WRONG",
              findings.pictures, options.output.c_str());
  return is_well ? 0 : 1;
}

/// Collective over `group`.
int analyse(MPI_Comm group, const AnalysisOptions& options) {
  using namespace std::chrono_literals;
  int rank = 0;
  int ranks = 0;
  MPI_Comm_rank(group, &rank);
  MPI_Comm_size(group, &ranks);
  Findings findings;

  locum::Runtime runtime(MPI_COMM_WORLD, {.memory_bytes = memory_bytes});
  locum::StepReader stream(runtime, stream_name, group);
  while (auto step = stream.next(1min)) {
    const Account told = *step->get<Account>("account").value();
    const std::size_t first = told.cells * static_cast<std::size_t>(rank) / static_cast<std::size_t>(ranks);
    const std::size_t last =
        told.cells * static_cast<std::size_t>(rank + 1) / static_cast<std::size_t>(ranks);
    Account mine{.cells = told.cells, .time_s = told.time_s};
    if (first < last) {
      const auto depths =
          step->read<double>("depth", {.start = {0, first}, .count = {told.cells, last - first}}).value();
      mine.add(depths);
    }
    std::vector<Float> floats;
    if (rank == 0) {
      floats = step->joined<Float>("floats").value();
      mine.floats = floats.size();
    }
    const Account found = reduce(mine, group);
    if (rank == 0) {
      take(findings, found, told);
      if (findings.steps % options.pictures == 0) {
        const auto depths = step->read<double>("depth").value();
        char name[32];
        std::snprintf(name, sizeof name, "pool_%04zu.png", findings.pictures++);
        draw_pool(found, depths, floats).write_png(options.output / name);
      }
    }
  }
  if (const auto& end = stream.last_error(); end && end->code() != locum::Errc::end_of_stream) {
    throw *end;
  }
  return rank == 0 ? report(findings, options) : 0;
}

}  // namespace

int main(int argc, char** argv) {
  AnalysisOptions options;
  CLI::App app(
      "Reads what shallow_water_simulation writes, while it runs: prints a table and draws pictures.\n",
      "mpirun -n 4 shallow_water_simulation : -n 2 shallow_water_analysis");
  app.add_option("--pictures", options.pictures, "Draw every n-th step of the stream")
      ->check(CLI::Range(std::size_t{1}, std::size_t{1'000'000'000}))
      ->capture_default_str();
  app.add_option("--output", options.output, "Folder for the pictures")
      ->check([](const std::string& folder) { return folder.empty() ? "wants a folder" : ""; })
      ->capture_default_str();
  return run_program(argc, argv, app, Role::analysis, [&](MPI_Comm group) {
    std::filesystem::create_directories(options.output);
    return analyse(group, options);
  });
}
