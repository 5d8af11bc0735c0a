#pragma once

namespace locum::bench {

/// How long a cache line takes from rank 0 to rank 1 and back, in nanoseconds: the ground under every latency
/// between them, and different from run to run on virtual machines. Median of short runs. Collective over the
/// world of at least two ranks; ranks above 1 wait.
[[nodiscard]] double line_round_trip_ns();

}  // namespace locum::bench
