// The rows that need one process only.

#include <benchmark/benchmark.h>

#include "bench/rows.hpp"
#include "bench/table_reporter.hpp"

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) {
    return 2;
  }
  locum::bench::add_put_rows();
  locum::bench::add_create_rows();
  locum::bench::add_get_rows();
  locum::bench::add_overhead_rows();
  locum::bench::add_name_rows();
  locum::bench::add_mixed_rows();
  locum::bench::add_spill_rows();
  locum::bench::TableReporter table;
  benchmark::RunSpecifiedBenchmarks(&table);
  benchmark::Shutdown();
}
