// Start-up and close of a runtime, beside those of MPI. MPI starts once in a process, so each pair is a
// separate job: this program launches itself under mpiexec and collects the ranks' output. On the login host
// of a cluster of tests/cluster/run it does so across the hosts.

#include <benchmark/benchmark.h>
#include <mpi.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "bench/interleave.hpp"
#include "bench/rows.hpp"
#include "bench/table_reporter.hpp"
#include "mpi/runtime.hpp"

namespace {

using namespace locum::bench;

constexpr std::string_view as_rank = "--as-rank";

// What one rank measures and prints: two times in seconds.
int run_rank(int argc, char** argv) {
  double mpi = timed([&] { MPI_Init(&argc, &argv); });
  double runtime = 0;
  {
    std::optional<locum::Runtime> opened;
    runtime = timed([&] { opened.emplace(MPI_COMM_WORLD); });
    (void)opened->store("start-up").put(1.0).value();
    runtime += timed([&] { opened.reset(); });
  }
  mpi += timed([] { MPI_Finalize(); });
  std::printf("times %.9f %.9f\n", runtime, mpi);
  return 0;
}

struct Times {
  double runtime = 0;
  double mpi = 0;
};

/// The slowest rank's times of one job.
Times launch(const std::string& command, int expected) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> output(::popen(command.c_str(), "r"), ::pclose);
  Times slowest;
  int ranks = 0;
  char line[256];
  while (output && std::fgets(line, sizeof line, output.get()) != nullptr) {
    Times times;
    if (std::sscanf(line, "times %lf %lf", &times.runtime, &times.mpi) == 2) {
      ++ranks;
      slowest.runtime = std::max(slowest.runtime, times.runtime);
      slowest.mpi = std::max(slowest.mpi, times.mpi);
    }
  }
  if (ranks != expected) {
    throw std::runtime_error(std::to_string(ranks) + " ranks answered of: " + command);
  }
  return slowest;
}

void start_up(benchmark::State& state, const std::string& command, int ranks, Goal goal) {
  Pairs pairs;
  (void)launch(command, ranks);
  for (auto _ : state) {
    const Times times = launch(command, ranks);
    pairs.add(times.runtime * 1e3, times.mpi * 1e3);
    state.SetIterationTime(times.runtime);
  }
  pairs.report(state, "ms", goal);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1 && argv[1] == as_rank) {
    return run_rank(argc, argv);
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) {
    return 2;
  }
  const std::string as_rank_of = std::string(" '") + argv[0] + "' " + std::string(as_rank);
  constexpr auto at_most = Goal::Kind::ratio_at_most;
  const char* const hosts = std::getenv("CLUSTER_HOSTS");
  if (const char* const each = std::getenv("CLUSTER_RANKS"); hosts != nullptr && each != nullptr) {
    add_row(std::string("start-up and close, ") + hosts + " hosts of " + each + " ranks", 15, start_up,
            "job" + as_rank_of, std::atoi(hosts) * std::atoi(each), Goal{at_most, 0.5});
  } else {
    const std::string ranks = std::to_string(LOCUM_BENCH_START_UP_RANKS);
    add_row("start-up and close, " + ranks + " ranks", 15, start_up,
            LOCUM_BENCH_MPIEXEC " " + ranks + as_rank_of, LOCUM_BENCH_START_UP_RANKS, Goal{at_most, 0.3});
  }
  TableReporter table;
  benchmark::RunSpecifiedBenchmarks(&table);
  benchmark::Shutdown();
}
