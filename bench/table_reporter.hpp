#pragma once

#include <benchmark/benchmark.h>

#include <vector>

namespace locum::bench {

/// Prints one line per row: operation, ours, twin, ratio with its first and last decile over the pairs
/// (minimum and maximum are in the JSON), goal, met or not; for latencies between ranks also the round trip
/// of a cache line.
class TableReporter final : public benchmark::BenchmarkReporter {
 public:
  bool ReportContext(const Context& context) override;
  void ReportRuns(const std::vector<Run>& runs) override;
};

}  // namespace locum::bench
