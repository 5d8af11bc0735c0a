#pragma once

#include "bench/scaling/case.hpp"
#include "bench/scaling/row.hpp"
#include "bench/scaling/watchdog.hpp"

namespace scaling {

/// Measures one case, collectively: a repetition of ours and one of the twin in turn, until `seconds` have
/// passed. The time of a repetition is that of its slowest rank. The first repetitions do not count; they
/// compare every word.
[[nodiscard]] Row measure(const CaseKind& kind, Scene& scene, double seconds, Watchdog& watchdog);

}  // namespace scaling
