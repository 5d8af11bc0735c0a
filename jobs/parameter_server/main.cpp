// One rank, the server, has a model that all others, the workers, improve: they read its newest generation,
// compute a gradient, and hand that to the server, which makes the next generation. Nobody waits for all the
// others. The work is done twice: with each model read when it is needed, and with the next one fetched while
// the worker computes.
#include <mpi.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <locum/locum.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "jobs/program.hpp"
#include "jobs/table.hpp"

namespace {

using namespace locum::literals;

constexpr int server = 0;
constexpr int gradient_tag = 1;
constexpr int taken_tag = 2;
constexpr double rate = 0.05;           // of descent
constexpr double largest_error = 0.15;  // of the model at the end; it begins with 1
constexpr const char* model_name = "model";

struct Options {
  std::size_t parameters = 200'000;
  int rounds = 60;  ///< gradients of each worker
};

/// A model is an array: how many gradients are in it, and then its parameters.
double updates_in(const locum::View<double[]>& model) {
  return model[0];
}

/// The parameter that everybody looks for, and what a worker's data say of it in one round.
double truth(std::size_t parameter) {
  return std::sin(static_cast<double>(parameter));
}
double noise(std::uint64_t worker, std::uint64_t round, std::size_t parameter) {
  std::uint64_t bits = (worker << 48U) ^ (round << 32U) ^ parameter;
  for (const std::uint64_t factor : {0xBF58476D1CE4E5B9U, 0x94D049BB133111EBU}) {
    bits = (bits ^ (bits >> 31U)) * factor;
  }
  return static_cast<double>(static_cast<std::int64_t>(bits)) * 0x1.0p-64;
}

/// What one worker saw: plain numbers, which ranks gather.
struct WorkerTimes {
  double waited_for_model_s = 0.0;
  double computed_s = 0.0;
  double behind = 0.0;  ///< gradients that the server had taken beyond the model used, summed over the rounds
};

struct Outcome {
  double seconds = 0.0;
  double error = 0.0;  ///< root mean square of model - truth
  std::vector<WorkerTimes> workers;
};

double now_s() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double error_of(const locum::View<double[]>& model) {
  double sum = 0.0;
  for (std::size_t at = 1; at < model.size(); ++at) {
    sum += (model[at] - truth(at)) * (model[at] - truth(at));
  }
  return std::sqrt(2.0 * sum / static_cast<double>(model.size() - 1));  // the truth's own mean square is 1/2
}

/// Takes each gradient as it comes, and publishes what it makes of the model.
void serve(locum::Runtime& runtime, locum::Store& store, const Options& options) {
  std::vector<double> model(options.parameters + 1, 0.0);
  const int gradients = options.rounds * (runtime.size() - 1);
  for (int taken = 0; taken < gradients; ++taken) {
    locum::Handle handle;
    MPI_Status status;
    MPI_Recv(&handle, sizeof handle, MPI_BYTE, MPI_ANY_SOURCE, gradient_tag, MPI_COMM_WORLD, &status);
    {
      const auto gradient = runtime.proxy<double[]>(handle).get().value();
      model[0] += 1.0;
      for (std::size_t at = 1; at < model.size(); ++at) {
        model[at] -= rate * gradient[at - 1];
      }
    }
    store.evict(handle.key).value();
    store.replace(model_name, model).value();
    const auto count = static_cast<std::int64_t>(model[0]);
    MPI_Send(&count, 1, MPI_INT64_T, status.MPI_SOURCE, taken_tag, MPI_COMM_WORLD);
  }
}

WorkerTimes work(locum::Runtime& runtime, locum::Store& store, const Options& options, bool ahead) {
  WorkerTimes times;
  std::vector<double> gradient(options.parameters);
  std::optional<locum::Future<double[]>> coming;
  for (int round = 0; round < options.rounds; ++round) {
    const double asked = now_s();
    const auto model = coming ? coming->get().value() : store.get<double[]>(model_name).value();
    times.waited_for_model_s += now_s() - asked;
    coming.reset();
    if (ahead && round + 1 < options.rounds) {
      coming = store.get_async<double[]>(model_name);
    }

    const double began = now_s();
    for (std::size_t at = 0; at < gradient.size(); ++at) {
      gradient[at] = model[at + 1] - truth(at + 1) +
                     noise(static_cast<std::uint64_t>(runtime.rank()), static_cast<std::uint64_t>(round), at);
    }
    times.computed_s += now_s() - began;

    const locum::Handle handle = store.put_proxy(gradient).value().handle();
    MPI_Send(&handle, sizeof handle, MPI_BYTE, server, gradient_tag, MPI_COMM_WORLD);
    std::int64_t taken = 0;
    MPI_Recv(&taken, 1, MPI_INT64_T, server, taken_tag, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    times.behind += static_cast<double>(taken) - 1.0 - updates_in(model);
  }
  return times;
}

/// Collective; complete on rank 0.
Outcome run(locum::Runtime& runtime, const Options& options, bool ahead) {
  const std::string name = ahead ? "ahead" : "when needed";
  locum::Store store = runtime.store(name);
  if (runtime.rank() == server) {
    store.put(model_name, std::vector<double>(options.parameters + 1, 0.0)).value();
  }
  MPI_Barrier(MPI_COMM_WORLD);
  const double began = now_s();
  WorkerTimes mine;
  if (runtime.rank() == server) {
    serve(runtime, store, options);
  } else {
    mine = work(runtime, store, options, ahead);
  }
  Outcome outcome{.seconds = now_s() - began,
                  .error = 0.0,
                  .workers = std::vector<WorkerTimes>(static_cast<std::size_t>(runtime.size()))};
  MPI_Gather(&mine, sizeof mine, MPI_BYTE, outcome.workers.data(), sizeof mine, MPI_BYTE, server,
             MPI_COMM_WORLD);
  if (runtime.rank() == server) {
    outcome.workers.erase(outcome.workers.begin());
    outcome.error = error_of(store.get<double[]>(model_name).value());
  }
  runtime.drop(name);
  return outcome;
}

void add_row(jobs::Table& table, const char* label, const Outcome& outcome, const Options& options) {
  const double rounds = static_cast<double>(options.rounds) * static_cast<double>(outcome.workers.size());
  WorkerTimes sum;
  for (const WorkerTimes& worker : outcome.workers) {
    sum.waited_for_model_s += worker.waited_for_model_s;
    sum.computed_s += worker.computed_s;
    sum.behind += worker.behind;
  }
  char behind[32];
  char error[32];
  std::snprintf(behind, sizeof behind, "%.1f", sum.behind / rounds);
  std::snprintf(error, sizeof error, "%.4f", outcome.error);
  table.add({label, jobs::format_seconds(outcome.seconds),
             jobs::format_seconds(sum.waited_for_model_s / rounds),
             jobs::format_seconds(sum.computed_s / rounds), behind, error});
}

int report(const Options& options, int workers, const Outcome& needed, const Outcome& ahead) {
  std::printf("\n  %d workers, %d rounds each, a model of %s\n\n", workers, options.rounds,
              jobs::format_bytes(8.0 * static_cast<double>(options.parameters)).c_str());
  jobs::Table table(
      {"the model is read", "in all", "waited for it, a round", "computed", "updates behind", "error"});
  add_row(table, "when it is needed", needed, options);
  add_row(table, "ahead, while the worker computes", ahead, options);
  std::printf("%s\n", table.text().c_str());
  if (needed.error > largest_error || ahead.error > largest_error) {
    std::fprintf(
        stderr,
        "parameter_server: the model is further than %g from what was looked for; it needs more --rounds\n",
        largest_error);
    return 1;
  }
  return 0;
}

int run_and_report(const Options& options) {
  int ranks = 0;
  MPI_Comm_size(MPI_COMM_WORLD, &ranks);
  // A generation each in the hands of each worker, with a gradient of each, and what is being made.
  const std::uint64_t arrays = 3 * static_cast<std::uint64_t>(ranks) + 3;
  locum::Runtime runtime(MPI_COMM_WORLD,
                         {.memory_bytes = 2 * arrays * (options.parameters + 1) * sizeof(double) +
                                          static_cast<std::uint64_t>(ranks) * 32_MiB});
  const Outcome needed = run(runtime, options, false);
  const Outcome ahead = run(runtime, options, true);
  return runtime.rank() == server ? report(options, ranks - 1, needed, ahead) : 0;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app(
      "Rank 0 has a model; the others, at least one, read its newest generation, compute gradients and hand "
      "them to it. LOCUM_RANKS_PER_NODE=K makes nodes of K ranks of one machine.",
      "mpiexec -n RANKS parameter_server");
  app.add_option("--parameters", options.parameters, "Numbers in the model")
      ->check(CLI::Range(std::size_t{1}, std::size_t{1} << 32U))
      ->capture_default_str();
  app.add_option("--rounds", options.rounds, "Gradients that each worker computes")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  return jobs::run_program(argc, argv, app, [&] { return run_and_report(options); });
}
