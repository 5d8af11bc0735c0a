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
#include "mpi/runtime/runtime.hpp"

namespace {

using namespace locum::bench;

constexpr std::string_view as_rank = "--as-rank";
constexpr std::string_view as_rank_that_meets = "--as-rank-that-meets";

// What one rank measures and prints: two times in seconds. `meets`: MPI has connected the ranks by a barrier,
// which counts for neither; otherwise the runtime's first step does it.
int run_rank(int argc, char** argv, bool meets) {
  double mpi = timed([&] { MPI_Init(&argc, &argv); });
  if (meets) {
    MPI_Barrier(MPI_COMM_WORLD);
  }
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
  if (argc > 1 && (argv[1] == as_rank || argv[1] == as_rank_that_meets)) {
    return run_rank(argc, argv, argv[1] == as_rank_that_meets);
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) {
    return 2;
  }
  const std::string program = std::string(" '") + argv[0] + "' ";
  const auto add = [&](const std::string& ranks, const std::string& launcher, int number, double most) {
    const Goal goal{Goal::Kind::ratio_at_most, most};
    add_row("start-up and close, " + ranks, 15, start_up, launcher + program + std::string(as_rank), number,
            goal);
    add_row("start-up and close, " + ranks + ", after a barrier", 15, start_up,
            launcher + program + std::string(as_rank_that_meets), number, goal);
  };
  const char* const hosts = std::getenv("CLUSTER_HOSTS");
  if (const char* const each = std::getenv("CLUSTER_RANKS"); hosts != nullptr && each != nullptr) {
    add(std::string(hosts) + " hosts of " + each + " ranks", "job", std::atoi(hosts) * std::atoi(each), 0.5);
  } else {
    const std::string ranks = std::to_string(LOCUM_BENCH_START_UP_RANKS);
    add(ranks + " ranks", LOCUM_BENCH_MPIEXEC " " + ranks, LOCUM_BENCH_START_UP_RANKS, 0.3);
  }
  TableReporter table;
  benchmark::RunSpecifiedBenchmarks(&table);
  benchmark::Shutdown();
}
