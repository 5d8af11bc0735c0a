// How the store scales on a machine: the same operations on any number of ranks, each beside the same work by
// MPI alone. README.md describes the cases and the file that it writes.

#include <mpi.h>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <fstream>
#include <locum/locum.hpp>
#include <sstream>
#include <stdexcept>
#include <vector>

#include "bench/scaling/case.hpp"
#include "bench/scaling/failure.hpp"
#include "bench/scaling/machine.hpp"
#include "bench/scaling/options.hpp"
#include "bench/scaling/report.hpp"
#include "bench/scaling/runner.hpp"
#include "bench/scaling/watchdog.hpp"
#include "jobs/table.hpp"

namespace {

using namespace scaling;

constexpr std::uint64_t mebibyte = std::uint64_t{1} << 20U;

void print(int rank, const std::string& text) {
  if (rank == 0) {
    std::fputs(text.c_str(), stdout);
    std::fflush(stdout);
  }
}

/// What the objects of a size take of a node's memory.
[[nodiscard]] std::uint64_t need_of(std::uint64_t bytes, const Machine& machine,
                                    std::uint64_t objects_per_rank) {
  return objects_per_rank * std::max<std::uint64_t>(bytes, Scene::bytes_of_a_rank) *
         static_cast<std::uint64_t>(machine.ranks_per_node);
}

/// The memory of a node: enough for the largest objects, but not more than half of what its host has.
[[nodiscard]] std::uint64_t memory_of(const Options& options, const Machine& machine) {
  if (options.memory_bytes != 0) {
    return options.memory_bytes;
  }
  std::uint64_t objects = 0;
  for (const CaseKind& kind : all_cases()) {
    objects = std::max<std::uint64_t>(objects, kind.objects_per_rank);
  }
  const std::uint64_t largest = *std::max_element(options.sizes.begin(), options.sizes.end());
  const auto ranks = static_cast<std::uint64_t>(machine.ranks_per_node);
  const auto nodes_of_host = std::max<std::uint64_t>(
      1, static_cast<std::uint64_t>(machine.ranks) / (ranks * static_cast<std::uint64_t>(machine.hosts)));
  const std::uint64_t wanted = need_of(largest, machine, objects) * 5 / 4 + (64 + 32 * ranks) * mebibyte;
  return std::max(std::min(wanted, machine.memory_bytes / 2 / nodes_of_host), 64 * mebibyte);
}

/// Why a row cannot be measured here; empty if it can.
[[nodiscard]] std::string obstacle(const CaseKind& kind, std::uint64_t bytes, const Machine& machine,
                                   std::uint64_t memory_bytes) {
  if (machine.nodes < kind.nodes_needed) {
    return "it needs " + std::to_string(kind.nodes_needed) + " nodes";
  }
  const std::uint64_t need = need_of(bytes, machine, kind.objects_per_rank);
  if (need > memory_bytes) {
    return "it needs about " + jobs::format_bytes(static_cast<double>(need)) + " of a node, which has " +
           jobs::format_bytes(static_cast<double>(memory_bytes)) + " for objects (--memory)";
  }
  return {};
}

[[nodiscard]] std::vector<std::uint64_t> sizes_of(const CaseKind& kind, const Options& options) {
  switch (kind.sizes) {
    case CaseKind::Sizes::given:
      return options.sizes;
    case CaseKind::Sizes::record:
      return {options.record_bytes};
    default:
      return {0};
  }
}

[[nodiscard]] std::vector<int> gather_nodes(const locum::Runtime& runtime, MPI_Comm ranks) {
  std::vector<int> nodes(static_cast<std::size_t>(runtime.size()));
  const int mine = runtime.node();
  MPI_Allgather(&mine, 1, MPI_INT, nodes.data(), 1, MPI_INT, ranks);
  return nodes;
}

/// Measures all rows, collectively, and reports them on rank 0.
void run(const Options& options, MPI_Comm ranks, int rank) {
  Machine machine = look_around(ranks);
  Watchdog watchdog(std::chrono::duration<double>(options.timeout));
  std::ofstream file;
  if (rank == 0 && !options.json.empty()) {
    file.open(options.json);
    if (!file) {
      throw std::runtime_error("cannot write " + options.json);
    }
  }
  locum::Runtime runtime(ranks,
                         {.memory_bytes = memory_of(options, machine),
                          .timeout = std::chrono::milliseconds(static_cast<int>(options.timeout * 500))});
  try {
    machine.nodes = runtime.nodes();
    Scene scene{runtime, runtime.store("scaling"), ranks, gather_nodes(runtime, ranks)};
    scene.limit = std::chrono::duration<double>(options.timeout / 2);
    std::vector<Row> rows;
    std::vector<SkippedRow> skipped;
    print(rank, describe(machine));
    for (const Mode mode : {Mode::weak, Mode::strong}) {
      const std::string mode_name = mode == Mode::weak ? "weak" : "strong";
      if (options.mode != "both" && options.mode != mode_name) {
        continue;
      }
      print(rank, table_head(mode_name));
      scene.mode = mode;
      for (const CaseKind& kind : all_cases()) {
        if (!options.cases.empty() &&
            std::find(options.cases.begin(), options.cases.end(), kind.name) == options.cases.end()) {
          continue;
        }
        for (const std::uint64_t bytes : sizes_of(kind, options)) {
          const std::string why = obstacle(kind, bytes, machine, runtime.options().memory_bytes);
          if (!why.empty()) {
            skipped.push_back({std::string(kind.name), mode_name, bytes, why});
            print(rank, table_row(skipped.back()));
            continue;
          }
          watchdog.begin(std::string(kind.name) + " of " + jobs::format_bytes(static_cast<double>(bytes)));
          scene.bytes = bytes;
          Row row = measure(kind, scene, options.seconds, watchdog);
          print(rank, table_row(row, rows.empty() ? nullptr : &rows.back()));
          rows.push_back(std::move(row));
        }
      }
    }
    print(rank, table_foot(machine));
    if (file.is_open()) {
      file << to_json(machine, rows, skipped);
      file.close();
      if (!file) {
        throw std::runtime_error("cannot write " + options.json);
      }
    }
    watchdog.begin("the end");
  } catch (const std::exception& error) {
    // Here and not outside of the runtime, whose end would wait for the other ranks.
    end_job(error.what());
  }
}

void list_cases() {
  for (const CaseKind& kind : all_cases()) {
    std::printf("  %-10s  %-54s  %s\n", std::string(kind.name).c_str(), std::string(kind.what).c_str(),
                std::string(kind.twin).c_str());
  }
}

}  // namespace

int main(int argc, char** argv) {
  constexpr int usage_exit_code = 2;
  int provided = MPI_THREAD_SINGLE;
  MPI_Init_thread(&argc, &argv, scaling::connects_by_mpi() ? MPI_THREAD_MULTIPLE : MPI_THREAD_SINGLE,
                  &provided);
  MPI_Comm ranks = MPI_COMM_NULL;
  MPI_Comm_dup(MPI_COMM_WORLD, &ranks);
  MPI_Comm_set_errhandler(ranks, MPI_ERRORS_RETURN);
  int rank = 0;
  MPI_Comm_rank(ranks, &rank);
  CLI::App app("Measures how the store scales on this machine, beside MPI alone. Start it by mpirun or srun.",
               "locum_scaling");
  Options options;
  options.add_to(app);
  int exit_code = 0;
  try {
    app.parse(argc, argv);
    if (!options.list) {
      run(options, ranks, rank);
    } else if (rank == 0) {
      list_cases();
    }
  } catch (const CLI::ParseError& error) {
    std::ostringstream nowhere;
    exit_code = (rank == 0 ? app.exit(error) : app.exit(error, nowhere, nowhere)) == 0 ? 0 : usage_exit_code;
  } catch (const std::exception& error) {
    end_job(error.what());
  }
  MPI_Comm_free(&ranks);
  MPI_Finalize();
  return exit_code;
}
