// The rows that need several ranks: started by mpiexec. Rank 0 prints.

#include <benchmark/benchmark.h>
#include <mpi.h>

#include <cstdlib>
#include <exception>
#include <iostream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "bench/rows.hpp"
#include "bench/table_reporter.hpp"
#include "bench/world.hpp"

namespace {

class Silence final : public benchmark::BenchmarkReporter {
 public:
  bool ReportContext(const Context& /*context*/) override { return true; }
  void ReportRuns(const std::vector<Run>& /*runs*/) override {}
};

#ifdef LOCUM_BENCH_REMOTE
void add_remote_rows() {
  using namespace locum::bench;
  add_transport_rows();
  add_remote_large_rows();
  add_remote_small_rows();
  add_promised_rows();
  add_steady_rows();
  add_prefetched_rows();
  if (!on_several_hosts()) {  // what needs shared memory beside, or has nothing to do with the way
    add_idle_rows();
    add_overlap_rows();
    add_published_between_nodes_rows();
  }
}
#endif

void run_all(int argc, char** argv) {
  using namespace locum::bench;
  // Only rank 0 writes a file: the others do not see --benchmark_out.
  std::vector<char*> arguments(argv, argv + argc);
  if (world_rank() != 0) {
    std::erase_if(arguments, [](const char* argument) {
      return std::string_view(argument).starts_with("--benchmark_out");
    });
  }
  int count = static_cast<int>(arguments.size());
  arguments.push_back(nullptr);
  benchmark::Initialize(&count, arguments.data());
  if (benchmark::ReportUnrecognizedArguments(count, arguments.data())) {
    MPI_Abort(MPI_COMM_WORLD, 2);
  }
  if (world_size() < 2) {
    throw std::runtime_error("these rows need two ranks or more: mpiexec -n 2 ...");
  }
#ifdef LOCUM_BENCH_REMOTE
  if (link_mbit() > 0) {
    add_limited_link_rows();
  } else {
    const char* const cores = std::getenv("LOCUM_BENCH_CORES");  // of these rows alone: how they are shared
    if (world_size() == 2) {
      add_stepped_rows((on_several_hosts() ? " between hosts" : " between nodes") +
                           std::string(cores != nullptr ? cores : ""),
                       1);
    }
    if (cores == nullptr) {
      add_remote_rows();
    }
  }
#else
  add_handover_rows();
  add_exchange_rows();
  add_published_rows();
  if (world_size() == 2) {
    add_streamed_rows();
    add_stepped_rows("", 0);
    add_task_rows();
#if LOCUM_WITH_HDF5
    add_checkpoint_rows();
#endif
  }
#endif
  TableReporter table;
  Silence silence;
  benchmark::RunSpecifiedBenchmarks(world_rank() == 0 ? static_cast<benchmark::BenchmarkReporter*>(&table)
                                                      : &silence);
  benchmark::Shutdown();
}

}  // namespace

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  try {
    run_all(argc, argv);
  } catch (const std::exception& error) {
    std::cerr << "bench: " << error.what() << '\n';
    MPI_Abort(MPI_COMM_WORLD, 1);
  }
  MPI_Finalize();
}
