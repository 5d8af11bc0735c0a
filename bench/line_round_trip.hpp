#pragma once

namespace locum::bench {

/// Time of a cache line from rank 0 to rank 1 and back, in nanoseconds: the lower bound of every latency
/// between them, and different from run to run on virtual machines. Median of short runs. Collective over the
/// world of at least two ranks; ranks above 1 wait.
[[nodiscard]] double line_round_trip_ns();

}  // namespace locum::bench
