#include "mpi/runtime/report.hpp"

#include <mpi.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <span>
#include <string_view>
#include <utility>

#include "mpi/error.hpp"
#include "shm/machine.hpp"

namespace locum {
namespace {

std::string mpi_version() {
  std::array<char, MPI_MAX_LIBRARY_VERSION_STRING> text{};
  int length = 0;
  if (MPI_Get_library_version(text.data(), &length) != MPI_SUCCESS) {
    return "unknown";
  }
  std::string version(text.data(), static_cast<std::size_t>(length));
  for (char& character : version) {
    character = character == '\t' || character == '\n' ? ' ' : character;
  }
  // Open MPI adds who built it; MPICH adds how.
  for (const std::string_view end : {", package", " MPICH Release", "  "}) {
    version.resize(std::min(version.size(), version.find(end)));
  }
  return version;
}

std::int32_t thread_level() {
  int level = MPI_THREAD_SINGLE;
  mpi::check(MPI_Query_thread(&level), "MPI_Query_thread");
  const std::array levels{MPI_THREAD_SINGLE, MPI_THREAD_FUNNELED, MPI_THREAD_SERIALIZED, MPI_THREAD_MULTIPLE};
  return static_cast<std::int32_t>(std::ranges::find(levels, level) - levels.begin());
}

std::string lines_of(const std::vector<Advice>& all, bool notes) {
  std::string text;
  for (const Advice& one : all) {
    if (notes || one.severity == Severity::warning) {
      text += std::string("locum: ") + (one.severity == Severity::warning ? "warning: " : "note: ") +
              one.text + '\n';
    }
  }
  return text;
}

}  // namespace

std::string RuntimeReport::text() const {
  return describe(job, ranks) + lines_of(advice(job, ranks), true);
}

RuntimeReport gather_report(mpi::CommunicatorGroup& group, const RuntimeOptions& options,
                            std::uint64_t memory_bytes, JobFacts job) {
  RankFacts mine = shm::facts_of_machine();
  mine.node = group.node();
  mine.thread_level = thread_level();
  mine.ranks_on_machine = group.ranks_here();
  mine.memory_bytes = memory_bytes;
  RuntimeReport report{.job = std::move(job), .ranks = mpi::gathered(group, mine)};
  report.job.mpi = mpi_version();
  report.job.splits_machines = options.ranks_per_node > 0;
  return report;
}

std::string to_be_logged(const RuntimeReport& report, Log log) {
  if (log == Log::off) {
    return {};
  }
  if (log == Log::info) {
    return report.text();
  }
  static std::atomic<bool> warned{false};  // of the process, as stderr is
  std::string text = lines_of(advice(report.job, report.ranks), false);
  return text.empty() || warned.exchange(true) ? std::string() : text;
}

}  // namespace locum
