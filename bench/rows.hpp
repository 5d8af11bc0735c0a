#pragma once

#include <benchmark/benchmark.h>

#include <string>

namespace locum::bench {

/// Registers one row of the table: `pairs` interleaved pairs, timed by the body itself. The number is fixed,
/// so that all ranks of an MPI program do the same.
template <class Body, class... Parameters>
void add_row(const std::string& name, int pairs, Body body, Parameters... parameters) {
  benchmark::RegisterBenchmark(name.c_str(),
                               [body, parameters...](benchmark::State& state) { body(state, parameters...); })
      ->UseManualTime()
      ->Iterations(pairs);
}

// The rows, by the file that measures them. One process:
void add_put_rows();
void add_create_rows();
void add_get_rows();
void add_overhead_rows();
void add_mixed_rows();
void add_name_rows();
void add_spill_rows();
// Several ranks, between MPI_Init and MPI_Finalize:
void add_handover_rows();
void add_exchange_rows();
void add_published_rows();
void add_checkpoint_rows();  ///< only where the library has HDF5
void add_streamed_rows();    ///< two ranks only
void add_task_rows();        ///< two ranks only
/// Two ranks only. `where` is added to the names; `ranks_per_node` as in RuntimeOptions.
void add_stepped_rows(const std::string& where, int ranks_per_node);
void add_transport_rows();  ///< two ranks only
// Two ranks: nodes of one each; more: all but one, and one.
void add_remote_large_rows();
void add_remote_small_rows();             ///< two ranks only
void add_promised_rows();                 ///< two ranks only
void add_idle_rows();                     ///< two ranks only
void add_overlap_rows();                  ///< two ranks only
void add_prefetched_rows();               ///< two ranks only
void add_steady_rows();                   ///< two ranks only
void add_published_between_nodes_rows();  ///< two ranks only
// Two hosts of one rank each:
void add_limited_link_rows();
[[nodiscard]] double link_mbit();  ///< the rate of the link, if it has a limit; 0

}  // namespace locum::bench
