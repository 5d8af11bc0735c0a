#include "bench/scaling/runner.hpp"

#include <algorithm>
#include <chrono>
#include <exception>

#include "bench/scaling/batches.hpp"
#include "bench/scaling/failure.hpp"
#include "bench/scaling/histogram.hpp"
#include "bench/scaling/meeting.hpp"

namespace scaling {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t batches = 32;
constexpr std::size_t samples_kept = 1U << 20U;
constexpr std::uint64_t least_repetitions = 3;
constexpr std::uint64_t warm_ups = 3;

[[nodiscard]] double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// The samples of one side.
class Samples {
 public:
  void add(double seconds) {
    histogram_.add(seconds);
    if (all_.size() < samples_kept) {
      all_.push_back(seconds);
    }
  }
  [[nodiscard]] std::uint64_t count() const { return histogram_.count(); }
  [[nodiscard]] Times times(std::size_t operations) const {
    const double each = 1.0 / static_cast<double>(operations);
    Times times{histogram_.quantile(0.5) * each, histogram_.quantile(0.99) * each,
                histogram_.quantile(0.999) * each, batch_medians(all_, batches)};
    for (double& batch : times.batches) {
      batch *= each;
    }
    return times;
  }

 private:
  Histogram histogram_;
  std::vector<double> all_;
};

[[nodiscard]] double repeat(Case& work, const Scene& scene, Side side, std::uint64_t repetition) try {
  work.prepare(side, repetition);
  meet(scene.ranks_comm, scene.limit.count());
  const auto start = Clock::now();
  work.run(side);
  const double seconds = seconds_since(start);
  meet(scene.ranks_comm, scene.limit.count());
  work.finish(side);
  return seconds;
} catch (const std::exception& error) {
  end_job(error.what());
}

}  // namespace

Row measure(const CaseKind& kind, Scene& scene, double seconds, Watchdog& watchdog) {
  scene.most_operations = kind.most_operations;
  const auto work = kind.make(scene);
  Row row;
  row.name = kind.name;
  row.mode = scene.mode == Mode::weak ? "weak" : "strong";
  row.bytes = scene.bytes;
  row.operations = work->operations();
  row.all_operations = work->all_operations();
  row.all_bytes = work->all_bytes();
  row.no_twin = work->no_twin();
  row.twin_note = work->twin_note();
  row.has_twin = row.no_twin.empty();

  Samples ours;
  Samples twin;
  std::vector<double> ratios;
  const auto begin = Clock::now();
  double passed = 0;
  for (std::uint64_t repetition = 0; ours.count() < least_repetitions || passed < seconds; ++repetition) {
    scene.check_all = repetition == 0;
    // Ours, the twin, and how long all of it takes, so that all ranks end together.
    double mine[3] = {};
    mine[0] = repeat(*work, scene, Side::ours, repetition);
    mine[1] = row.has_twin ? repeat(*work, scene, Side::twin, repetition) : 0;
    mine[2] = seconds_since(begin);
    double slowest[3] = {};
    MPI_Allreduce(mine, slowest, 3, MPI_DOUBLE, MPI_MAX, scene.ranks_comm);
    passed = slowest[2];
    watchdog.alive();
    if (repetition == 0 || (repetition < warm_ups && passed < seconds / 4)) {
      continue;
    }
    ours.add(slowest[0]);
    if (row.has_twin) {
      twin.add(slowest[1]);
      if (ratios.size() < samples_kept) {
        ratios.push_back(slowest[0] / std::max(slowest[1], 1e-9));
      }
    }
  }

  row.repetitions = ours.count();
  row.ours = ours.times(row.operations);
  if (row.has_twin) {
    row.twin = twin.times(row.operations);
    row.ratio = median_of(ratios);
    row.ratio_batches = batch_medians(ratios, batches);
  }
  meet(scene.ranks_comm, scene.limit.count());
  return row;
}

}  // namespace scaling
