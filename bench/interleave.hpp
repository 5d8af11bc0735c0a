#pragma once

#include <benchmark/benchmark.h>

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

#include "bench/samples.hpp"

namespace locum::bench {

using Clock = std::chrono::steady_clock;

[[nodiscard]] inline double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// The duration of one call of `body`, in seconds.
template <class Body>
[[nodiscard]] double timed(Body&& body) {
  const Clock::time_point start = Clock::now();
  body();
  return seconds_since(start);
}

/// The goal that a row is compared with.
struct Goal {
  enum class Kind {
    none,            ///< only a figure, without a goal
    ratio_at_least,  ///< ours / twin
    ratio_at_most,   ///< ours / twin
    ours_at_most,    ///< in the row's unit
    excess_at_most,  ///< ours - twin, in the row's unit
    ours_at_least,   ///< in the row's unit
  };
  Kind kind = Kind::none;
  double bound = 0;
};

/// One row of the table: this library beside its raw twin. Machines change their speed from one moment to the
/// next, so a ratio of two figures taken one after the other says little. Hence pairs: a short batch of ours,
/// a short batch of the twin, many times, and the row is the median of each, the ratio the median of the
/// pairs' ratios. That is also why Google Benchmark is used for the choice of rows, JSON and context, but not
/// for timing: it would run all repetitions of one side before the other's.
///
/// Owned by one benchmark; one thread.
class Pairs {
 public:
  /// Adds the figures of one batch each, in the row's unit: time per operation, or a rate.
  void add(double ours, double twin) {
    ours_.push_back(ours);
    twin_.push_back(twin);
    ratio_.push_back(ours / twin);
  }

  /// Writes the row into Google Benchmark's counters and label, which TableReporter and the JSON file use.
  void report(benchmark::State& state, const std::string& unit, Goal goal) const {
    const double ours = median(ours_);
    const double twin = median(twin_);
    const double ratio = median(ratio_);
    state.counters["ours"] = ours;
    state.counters["twin"] = twin;
    state.counters["ratio"] = ratio;
    state.counters["ratio_p10"] = quantile(ratio_, 0.1);
    state.counters["ratio_p90"] = quantile(ratio_, 0.9);
    state.counters["ratio_min"] = quantile(ratio_, 0);
    state.counters["ratio_max"] = quantile(ratio_, 1);
    state.counters["ours_p10"] = quantile(ours_, 0.1);
    state.counters["twin_p10"] = quantile(twin_, 0.1);
    state.counters["ours_p90"] = quantile(ours_, 0.9);
    state.counters["twin_p90"] = quantile(twin_, 0.9);
    state.counters["pairs"] = static_cast<double>(ours_.size());
    state.counters["goal_kind"] = static_cast<double>(goal.kind);
    state.counters["goal_bound"] = goal.bound;
    if (goal.kind != Goal::Kind::none) {
      state.counters["met"] = met(goal, ours, twin, ratio) ? 1 : 0;
    }
    state.SetLabel(unit);
  }

 private:
  [[nodiscard]] static bool met(Goal goal, double ours, double twin, double ratio) {
    switch (goal.kind) {
      case Goal::Kind::none:
        return true;
      case Goal::Kind::ratio_at_least:
        return ratio >= goal.bound;
      case Goal::Kind::ratio_at_most:
        return ratio <= goal.bound;
      case Goal::Kind::ours_at_most:
        return ours <= goal.bound;
      case Goal::Kind::excess_at_most:
        return ours - twin <= goal.bound;
      case Goal::Kind::ours_at_least:
        return ours >= goal.bound;
    }
    return false;
  }

  std::vector<double> ours_;
  std::vector<double> twin_;
  std::vector<double> ratio_;
};

/// Runs ours and twin in turn, as often as the row is to be measured; the first few of either do not count.
/// `seconds_of`: the duration of a figure of ours.
template <class Ours, class Twin, class SecondsOf>
[[nodiscard]] Pairs interleave(benchmark::State& state, const Ours& ours, const Twin& twin,
                               const SecondsOf& seconds_of) {
  for (int warm_up = 0; warm_up < 3; ++warm_up) {
    (void)ours();
    (void)twin();
  }
  Pairs pairs;
  for (auto _ : state) {
    const double mine = ours();
    pairs.add(mine, twin());
    state.SetIterationTime(seconds_of(mine));
  }
  return pairs;
}

}  // namespace locum::bench
