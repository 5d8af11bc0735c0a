#pragma once

#include "core/job_report.hpp"

namespace locum::shm {

/// What this process finds on its machine, without what only MPI and the runtime know: node, thread_level,
/// ranks_on_machine and memory_bytes are left 0. Costs some system calls and files of /proc and /sys.
[[nodiscard]] RankFacts facts_of_machine();

}  // namespace locum::shm
