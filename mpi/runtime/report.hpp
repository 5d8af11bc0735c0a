#pragma once

#include <string>
#include <vector>

#include "core/job_report.hpp"
#include "core/value/options.hpp"
#include "mpi/group.hpp"

namespace locum {

/// What the ranks of a runtime found, on all ranks.
struct RuntimeReport {
  JobFacts job;
  std::vector<RankFacts> ranks;

  /// describe(), and the advice, one line each.
  [[nodiscard]] std::string text() const;
};

/// Collective over the group.
[[nodiscard]] RuntimeReport gather_report(mpi::CommunicatorGroup& group, const RuntimeOptions& options,
                                          std::uint64_t memory_bytes, JobFacts job);
/// What of this report options.log wants printed, on rank 0; empty if nothing, or nothing new.
[[nodiscard]] std::string to_be_logged(const RuntimeReport& report, Log log);

}  // namespace locum
