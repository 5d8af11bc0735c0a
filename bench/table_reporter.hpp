#pragma once

#include <benchmark/benchmark.h>

#include <vector>

namespace locum::bench {

/// Prints one line per row: operation, ours, twin, ratio with its first and last decile over the pairs (least
/// and greatest are in the JSON), goal, met or not; beside latencies between ranks the cache line's round
/// trip.
class TableReporter final : public benchmark::BenchmarkReporter {
 public:
  bool ReportContext(const Context& context) override;
  void ReportRuns(const std::vector<Run>& runs) override;
};

}  // namespace locum::bench
