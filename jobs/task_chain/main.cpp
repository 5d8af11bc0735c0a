// A chain of tasks, each of which makes an array of what the one before has made, and has something to do
// before it needs that: it starts up. Run twice: each stage begun when its input is there, and begun before,
// with a promise of it, so that it starts up while the stage before still works. A stage's work is to sleep,
// so that the times tell of the store and not of how many cores there are.
#include <mpi.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <locum/locum.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "jobs/program.hpp"
#include "jobs/table.hpp"

namespace {

using namespace locum::literals;
using Seconds = std::chrono::duration<double>;

constexpr int handle_tag = 1;
constexpr std::size_t elements = 10 * (std::size_t{1} << 20U) / sizeof(double);

struct Options {
  int stages = 8;
  double stage_s = 1.0;      ///< what a stage takes, its start included
  double start_share = 0.2;  ///< of that
};

double now_s() {
  return Seconds(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// One run of the chain; stage n runs on rank n modulo their number. A rank's stages come one after the
/// other.
class Chain {
 public:
  Chain(locum::Runtime& runtime, const Options& options, bool by_promise)
      : runtime_(runtime),
        options_(options),
        by_promise_(by_promise),
        store_(runtime.store(by_promise ? "by promise" : "one after the other")) {}

  /// Collective. Seconds from the first stage's start to the last one's end, on every rank.
  double run() {
    MPI_Barrier(MPI_COMM_WORLD);
    const double began = now_s();
    for (int stage = runtime_.rank(); stage < options_.stages; stage += runtime_.size()) {
      by_promise_ ? run_ahead(stage) : run_in_turn(stage);
    }
    double seconds = now_s() - began;
    MPI_Allreduce(MPI_IN_PLACE, &seconds, 1, MPI_DOUBLE, MPI_MAX, MPI_COMM_WORLD);
    return seconds;
  }
  /// Whether the last stage, if it ran here, made what it should have.
  [[nodiscard]] bool right() const { return right_; }

 private:
  // Begins when the stage before has ended.
  void run_in_turn(int stage) {
    const auto input = receive(stage);
    start();
    const auto output = store_.put_proxy(work(stage, input)).value();
    evict(input);
    send(stage, output.handle());
  }
  // Begins when the stage before begins to work, and has the next one begun before it has its input.
  void run_ahead(int stage) {
    const auto input = receive(stage);
    if (input) {
      input->prefetch();
    }
    start();
    auto output = store_.promise<double[]>().value();
    send(stage, output.proxy().handle());
    output.set(work(stage, input)).value();
    evict(input);
  }

  void start() const { std::this_thread::sleep_for(Seconds(options_.stage_s * options_.start_share)); }
  // Waits for the input; each element of the output is one more.
  std::vector<double> work(int stage, const std::optional<locum::Proxy<double[]>>& input) {
    std::vector<double> made(elements, 1.0);
    if (input) {
      const auto view = input->get().value();
      std::transform(view.begin(), view.end(), made.begin(), [](double value) { return value + 1.0; });
    }
    std::this_thread::sleep_for(Seconds(options_.stage_s * (1.0 - options_.start_share)));
    if (stage + 1 == options_.stages) {
      right_ = std::ranges::all_of(made, [&](double value) { return value == options_.stages; });
    }
    return made;
  }

  /// The input of a stage; none of the first.
  std::optional<locum::Proxy<double[]>> receive(int stage) {
    if (stage == 0) {
      return std::nullopt;
    }
    locum::Handle handle;
    MPI_Recv(&handle, sizeof handle, MPI_BYTE, rank_of(stage - 1), handle_tag, MPI_COMM_WORLD,
             MPI_STATUS_IGNORE);
    return runtime_.proxy<double[]>(handle);
  }
  void send(int stage, const locum::Handle& output) {
    if (stage + 1 < options_.stages) {
      MPI_Send(&output, sizeof output, MPI_BYTE, rank_of(stage + 1), handle_tag, MPI_COMM_WORLD);
    }
  }
  void evict(const std::optional<locum::Proxy<double[]>>& used) {
    if (used) {
      used->release();
      store_.evict(used->key()).value();
    }
  }
  [[nodiscard]] int rank_of(int stage) const { return stage % runtime_.size(); }

  locum::Runtime& runtime_;
  const Options options_;
  const bool by_promise_;
  locum::Store store_;
  bool right_ = true;
};

std::string percent(double share) {
  char text[32];
  std::snprintf(text, sizeof text, "%+.1f %%", 100.0 * share);
  return text;
}

void add_row(jobs::Table& table, const char* label, double seconds, double least_s) {
  table.add({label, jobs::format_seconds(seconds), jobs::format_seconds(least_s),
             percent(seconds / least_s - 1.0)});
}

int run_and_report(const Options& options) {
  int ranks = 0;
  MPI_Comm_size(MPI_COMM_WORLD, &ranks);
  locum::Runtime runtime(MPI_COMM_WORLD,
                         {.memory_bytes = 256_MiB + static_cast<std::uint64_t>(ranks) * 64_MiB});
  Chain in_turn(runtime, options, false);
  const double in_turn_s = in_turn.run();
  Chain ahead(runtime, options, true);
  const double ahead_s = ahead.run();
  const int right = in_turn.right() && ahead.right() ? 1 : 0;
  int all_right = 0;
  MPI_Allreduce(&right, &all_right, 1, MPI_INT, MPI_MIN, MPI_COMM_WORLD);
  if (runtime.rank() == 0) {
    std::printf("\n  %d stages of %s, of which %.0f %% need no input; arrays of %s, by %d ranks\n\n",
                options.stages, jobs::format_seconds(options.stage_s).c_str(), 100.0 * options.start_share,
                jobs::format_bytes(static_cast<double>(elements * sizeof(double))).c_str(), ranks);
    jobs::Table table({"a stage is begun", "in all", "least, by arithmetic", "above that"});
    const double work_s = options.stage_s * (1.0 - options.start_share);
    add_row(table, "when its input is there", in_turn_s, options.stages * options.stage_s);
    add_row(table, "with a promise of its input", ahead_s, options.stage_s + (options.stages - 1) * work_s);
    std::printf("%s\n", table.text().c_str());
    if (all_right == 0) {
      std::fprintf(stderr, "task_chain: the last stage's array is wrong\n");
    }
  }
  return all_right == 1 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app(
      "A chain of stages that each need what the one before has made, but for a share of their time. "
      "LOCUM_RANKS_PER_NODE=K makes nodes of K ranks of one machine.",
      "mpiexec -n RANKS task_chain");
  app.add_option("--stages", options.stages, "How many")->check(CLI::Range(1, 1000))->capture_default_str();
  app.add_option("--stage", options.stage_s, "Seconds that a stage takes")
      ->check(CLI::Range(0.001, 3600.0))
      ->capture_default_str();
  app.add_option("--start", options.start_share, "Share of that for which a stage needs no input")
      ->check(CLI::Range(0.0, 0.5))
      ->capture_default_str();
  return jobs::run_program(argc, argv, app, [&] { return run_and_report(options); });
}
