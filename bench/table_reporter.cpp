#include "bench/table_reporter.hpp"

#include <cstdio>
#include <string>

#include "bench/interleave.hpp"

namespace locum::bench {

namespace {

[[nodiscard]] double counter(const benchmark::BenchmarkReporter::Run& run, const char* name) {
  const auto found = run.counters.find(name);
  return found == run.counters.end() ? 0.0 : found->second.value;
}

[[nodiscard]] std::string text(const char* format, double value) {
  char buffer[64];
  std::snprintf(buffer, sizeof buffer, format, value);
  return buffer;
}

[[nodiscard]] std::string goal_text(Goal goal, const std::string& unit) {
  const std::string bound = text("%.3g", goal.bound);
  switch (goal.kind) {
    case Goal::Kind::none:
      return "-";
    case Goal::Kind::ratio_at_least:
      return "ratio >= " + bound;
    case Goal::Kind::ratio_at_most:
      return "ratio <= " + bound;
    case Goal::Kind::ours_at_most:
      return "ours <= " + bound + " " + unit;
    case Goal::Kind::ours_at_least:
      return "ours >= " + bound + " " + unit;
    case Goal::Kind::excess_at_most:
      return "<= twin + " + bound + " " + unit;
  }
  return "-";
}

/// The remark of a row; mostly empty.
[[nodiscard]] std::string note(const benchmark::BenchmarkReporter::Run& run) {
  if (const double line_ns = counter(run, "line_ns"); line_ns != 0) {
    return text("cache line round trip %.0f ns", line_ns);
  }
  if (run.counters.contains("locked")) {
    return text("%.0f of them locked", counter(run, "locked"));
  }
  if (const double copying = counter(run, "copying_ms"); copying != 0) {
    return text("transfer %.1f ms, ", counter(run, "transfer_ms")) +
           text("compute %.1f, ", counter(run, "compute_ms")) + text("both %.1f; ", counter(run, "both_ms")) +
           text("%.1f ms of cores to copy, ", copying) +
           text("which lets %.0f %% hide", counter(run, "allowed_percent"));
  }
  return {};
}

/// Why a row has no figures; empty if it has. Google Benchmark 1.8 renamed the members.
template <class Run>
[[nodiscard]] std::string why_skipped(const Run& run) {
  if constexpr (requires { run.error_occurred; }) {
    return run.error_occurred ? run.error_message : std::string();
  } else {
    return run.skipped != 0 ? run.skip_message : std::string();
  }
}

}  // namespace

bool TableReporter::ReportContext(const Context& /*context*/) {
  std::printf("%-44s %12s %12s %-5s %9s  %-17s %-18s %s\n", "operation", "ours", "twin", "unit", "ratio",
              "(p10 .. p90)", "goal", "met");
  return true;
}

void TableReporter::ReportRuns(const std::vector<Run>& runs) {
  for (const Run& run : runs) {
    const std::string name = run.run_name.function_name;
    if (const std::string reason = why_skipped(run); !reason.empty()) {
      std::printf("%-44s %s\n", name.c_str(), reason.c_str());
      continue;
    }
    if (!run.counters.contains("twin")) {
      std::printf("%-44s %12.0f %12s %-5s %9s  %-17s %-18s %-4s%s\n", name.c_str(), counter(run, "ours"), "-",
                  run.report_label.c_str(), "-", "", "-", "", note(run).c_str());
      continue;
    }
    const Goal goal{static_cast<Goal::Kind>(counter(run, "goal_kind")), counter(run, "goal_bound")};
    const std::string spread = "(" + text("%.3g", counter(run, "ratio_p10")) + " .. " +
                               text("%.3g", counter(run, "ratio_p90")) + ")";
    const char* met = goal.kind == Goal::Kind::none ? "" : counter(run, "met") != 0 ? "yes" : "NO";
    std::printf("%-44s %12.4g %12.4g %-5s %9.3g  %-17s %-18s %-4s%s\n", name.c_str(), counter(run, "ours"),
                counter(run, "twin"), run.report_label.c_str(), counter(run, "ratio"), spread.c_str(),
                goal_text(goal, run.report_label).c_str(), met, note(run).c_str());
  }
  std::fflush(stdout);
}

}  // namespace locum::bench
