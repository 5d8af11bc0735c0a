// A stream of steps over a network link of limited rate, beside MPI_Isend and MPI_Irecv of three buffers:
// started by bench/link on two ranks, each on a host of its own. Rank 0 simulates, rank 1 analyses.
// LOCUM_BENCH_LINK_MBIT is the rate of the link in Mbit/s. Rank 0 prints a table.
//
// Of 100 per cent, hidden are (compute + stream - both) / min(compute, stream), where *stream* is the time of
// the stream alone. The cores allow no more than if `both` were the longest of: the computation, the stream,
// and what all cores have to do, which is to compute and to copy. One step is computed in the time in which
// one step is sent.

#include <mpi.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "bench/compute.hpp"
#include "bench/interleave.hpp"
#include "bench/processor.hpp"
#include "bench/remote.hpp"
#include "bench/samples.hpp"
#include "bench/world.hpp"
#include "core/step_reader.hpp"
#include "core/step_writer.hpp"
#include "mpi/runtime/runtime.hpp"

namespace {

using namespace locum::bench;
using namespace locum::literals;
using namespace std::chrono_literals;

constexpr std::size_t step_bytes = 16_MiB;
constexpr std::size_t cells = step_bytes / sizeof(double);
constexpr int steps = 8;  // of one measurement
constexpr int repetitions = 5;
constexpr std::size_t buffers = 3;

/// One way to bring steps from rank 0 to rank 1. The ranks call send() and receive() equally often.
class Way {
 public:
  Way() = default;
  Way(const Way&) = delete;
  Way& operator=(const Way&) = delete;
  virtual ~Way() = default;

  /// Rank 0; `mark` is what the ends of the field hold.
  virtual void send(double mark) = 0;
  /// Rank 1: returns the mark once the step is there.
  [[nodiscard]] virtual double receive() = 0;
  /// Rank 0, after the last step of a measurement, and rank 1 before the first and after the last one.
  virtual void flush() {}
  virtual void expect() {}
};

double mark_of(std::span<const double> field) {
  if (field.size() != cells || field.front() != field.back()) {
    throw std::runtime_error("the field read is not the one that was written");
  }
  return field.front();
}

class BySteps final : public Way {
 public:
  BySteps() : runtime_(MPI_COMM_WORLD, {.memory_bytes = 512_MiB}) {
    if (runtime_.nodes() != 2) {
      throw std::runtime_error("the ranks are on one host; start this by bench/link");
    }
    MPI_Comm side = MPI_COMM_NULL;
    MPI_Comm_split(MPI_COMM_WORLD, world_rank(), 0, &side);
    if (world_rank() == 0) {
      out_.emplace(runtime_, "link", side,
                   locum::StepWriterOptions{.queue_steps = buffers, .rendezvous_readers = 1});
    } else {
      in_.emplace(runtime_, "link", side);
    }
    MPI_Comm_free(&side);
  }
  ~BySteps() override {
    in_.reset();
    out_.reset();
  }

  void send(double mark) override {
    auto step = out_->begin().value();
    const auto field = step.create<double>("V", {.shape = {cells}, .start = {0}, .count = {cells}}).value();
    field.front() = field.back() = mark;
    step.end().value();
  }
  double receive() override {
    const auto step = in_->next(60s).value();
    const auto field = step.read<double>("V").value();
    return mark_of({field.data(), field.size()});
  }

 private:
  locum::Runtime runtime_;
  std::optional<locum::StepWriter> out_;
  std::optional<locum::StepReader> in_;
};

/// Buffers in turn. The receiver has a receive open for each of them.
class ByMessages final : public Way {
 public:
  ByMessages() {
    for (auto& buffer : buffers_) {
      buffer.assign(cells, 0.0);
    }
    requests_.fill(MPI_REQUEST_NULL);
  }

  void send(double mark) override {
    const std::size_t at = next_++ % buffers;
    MPI_Wait(&requests_[at], MPI_STATUS_IGNORE);
    buffers_[at].front() = buffers_[at].back() = mark;
    MPI_Isend(buffers_[at].data(), cells, MPI_DOUBLE, 1, 0, MPI_COMM_WORLD, &requests_[at]);
  }
  double receive() override {
    const std::size_t at = next_++ % buffers;
    MPI_Wait(&requests_[at], MPI_STATUS_IGNORE);
    const double mark = mark_of(buffers_[at]);
    if (open_ > 0) {
      open(at);
    }
    return mark;
  }
  void flush() override { MPI_Waitall(buffers, requests_.data(), MPI_STATUSES_IGNORE); }
  void expect() override {
    open_ = steps;
    for (std::size_t at = 0; at < buffers; ++at) {
      open((next_ + at) % buffers);
    }
  }

 private:
  void open(std::size_t at) {
    --open_;
    MPI_Irecv(buffers_[at].data(), cells, MPI_DOUBLE, 0, 0, MPI_COMM_WORLD, &requests_[at]);
  }

  std::array<std::vector<double>, buffers> buffers_;
  std::array<MPI_Request, buffers> requests_{};
  std::size_t next_ = 0;
  int open_ = 0;  ///< receives that are still to be opened
};

/// Who computes while the steps are sent.
enum class Computing { nobody, simulation, both };

/// Seconds, the same on both ranks.
struct Timing {
  double seconds = 0;
  double copying = 0;  ///< processor time of both ranks, without their computation
};

class Scene {
 public:
  void fit(double seconds) { compute_.fit(seconds); }

  /// Seconds of a rank that computes so many steps and sends nothing; the longest, if both compute.
  [[nodiscard]] double compute(Computing who) {
    meet_asleep();
    const double seconds = timed([&] {
      for (int step = 0; step < steps && computes(who); ++step) {
        compute_.run();
      }
    });
    meet_asleep();
    return slowest(seconds);
  }
  [[nodiscard]] Timing stream(Way& way, Computing who) {
    if (world_rank() == 1) {
      way.expect();
    }
    meet_asleep();
    double on_core = 0;
    const double before = process_seconds();
    const double seconds = timed([&] {
      for (int step = 0; step < steps; ++step) {
        mark_ += 1;
        if (world_rank() == 1 && way.receive() != mark_) {
          throw std::runtime_error("the step read is not the next one");
        }
        if (computes(who)) {
          const double self = thread_seconds();
          compute_.run();
          on_core += thread_seconds() - self;
        }
        if (world_rank() == 0) {
          way.send(mark_);
        }
      }
      if (world_rank() == 0) {
        way.flush();
      }
    });
    const double copying = process_seconds() - before - on_core;
    meet_asleep();
    return {.seconds = slowest(seconds), .copying = sum_of_all(copying)};
  }

 private:
  [[nodiscard]] static bool computes(Computing who) {
    return who == Computing::both || (who == Computing::simulation && world_rank() == 0);
  }

  Compute compute_;
  double mark_ = 0;
};

double hidden_percent(double stream, double compute, double both) {
  return 100 * (compute + stream - both) / std::min(compute, stream);
}

/// The samples of one way under one kind of computation.
struct Samples {
  std::vector<double> rate;  ///< bytes a second of the stream alone
  std::vector<double> stream;
  std::vector<double> compute;
  std::vector<double> both;
  std::vector<double> hidden;
  std::vector<double> allowed;
};

void measure(Scene& scene, Way& way, Computing who, Samples& samples) {
  double stream = scene.stream(way, Computing::nobody).seconds;
  scene.fit(stream / steps);
  const double compute = scene.compute(who);
  const Timing both = scene.stream(way, who);
  stream = (stream + scene.stream(way, Computing::nobody).seconds) / 2;
  const double cores = std::max(1U, std::thread::hardware_concurrency());
  const double computed = compute * (who == Computing::both ? 2 : 1);
  // A pipeline: no step is on its way before the first one is computed, nor hidden after the last one is. The
  // analysis computes after that.
  const double longest = std::max(compute, stream);
  const double ends = compute + stream - longest + (who == Computing::both ? compute : 0);
  const double least = std::max(longest + ends / steps, (computed + both.copying) / cores);
  samples.rate.push_back(static_cast<double>(step_bytes) * steps / stream);
  samples.stream.push_back(stream / steps);
  samples.compute.push_back(compute / steps);
  samples.both.push_back(both.seconds / steps);
  samples.hidden.push_back(hidden_percent(stream, compute, both.seconds));
  samples.allowed.push_back(hidden_percent(stream, compute, least));
}

void print(const char* way, const char* who, double link_bytes, const Samples& samples) {
  constexpr double milli = 1e3;
  const double rate = median(samples.rate);
  const double hidden = median(samples.hidden);
  const double allowed = median(samples.allowed);
  std::printf("%-12s%-12s%9.1f%9.3f%12.1f%12.1f%12.1f%10.1f%10.1f%9.3f\n", way, who, rate / 1e6,
              rate / link_bytes, median(samples.stream) * milli, median(samples.compute) * milli,
              median(samples.both) * milli, hidden, allowed, hidden / allowed);
  std::fflush(stdout);
}

void run() {
  const char* const text = std::getenv("LOCUM_BENCH_LINK_MBIT");
  const double mbit = text == nullptr ? 0 : std::atof(text);
  if (mbit <= 0 || world_size() != 2) {
    throw std::runtime_error("start this by bench/link, which limits a link and sets LOCUM_BENCH_LINK_MBIT");
  }
  const double link_bytes = mbit * 1e6 / 8;
  BySteps by_steps;
  ByMessages by_messages;
  Scene scene;
  for (Way* const way : {static_cast<Way*>(&by_steps), static_cast<Way*>(&by_messages)}) {
    (void)scene.stream(*way, Computing::nobody);  // first touches, connections
  }
  if (world_rank() == 0) {
    std::printf("link of %.0f Mbit/s, steps of %zu MiB; medians of %d\n", mbit, step_bytes >> 20U,
                repetitions);
    std::printf("%-12s%-12s%9s%9s%12s%12s%12s%10s%10s%9s\n", "way", "computes", "MB/s", "of link",
                "stream ms", "compute ms", "both ms", "hidden %", "allowed %", "ratio");
  }
  for (const Computing who : {Computing::simulation, Computing::both}) {
    Samples ours;
    Samples twin;
    for (int repetition = 0; repetition < repetitions; ++repetition) {
      measure(scene, by_steps, who, ours);
      measure(scene, by_messages, who, twin);
    }
    if (world_rank() == 0) {
      const char* const computes = who == Computing::both ? "both" : "simulation";
      print("steps", computes, link_bytes, ours);
      print("MPI_Isend", computes, link_bytes, twin);
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  try {
    run();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "rank %d: %s\n", world_rank(), error.what());
    MPI_Abort(MPI_COMM_WORLD, 1);
  }
  MPI_Finalize();
}
