#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/resolved_path.hpp"
#include "core/ports/checkpoint_files.hpp"
#include "mpi/checkpoint/protocol.hpp"
#include "mpi/error.hpp"

namespace locum {

namespace {

constexpr std::size_t most_passed_over = 100;

// Texts end with NUL, which is in none of them.
std::vector<std::byte> packed(const std::vector<CheckpointCandidate>& candidates) {
  std::string text;
  for (const CheckpointCandidate& each : candidates) {
    text.append(each.path.c_str()).push_back('\0');
    text.append(each.why_not.c_str()).push_back('\0');
  }
  const auto* const first = reinterpret_cast<const std::byte*>(text.data());
  return {first, first + text.size()};
}

std::vector<CheckpointCandidate> unpacked(const std::vector<std::byte>& bytes) {
  std::string_view rest(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const auto next = [&rest] {
    const std::size_t end = std::min(rest.find('\0'), rest.size());
    std::string text(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    return text;
  };
  std::vector<CheckpointCandidate> candidates;
  while (!rest.empty()) {
    std::string path = next();
    candidates.push_back({std::move(path), next()});
  }
  return candidates;
}

}  // namespace

// Damage of one is no reason to lose all of them. It is `system` where HDF5 finds it; any other error would
// come again.
CheckpointReport read_latest_checkpoint(const CheckpointJob& job, const RestoreOptions& options) {
  const std::string step =
      "restore of \"" + std::string(job.store) + "\" from the latest of '" + job.path + "'";
  std::vector<CheckpointCandidate> candidates;
  // Rank 0 looks, so that all ranks try the same ones in the same order.
  mpi::throw_if(job.group.agree(mpi::error_of([&] {
                                  if (job.group.rank() == 0) {
                                    candidates = job.files.find(job.path);
                                  }
                                }),
                                step, job.until));
  candidates = unpacked(job.group.broadcast(packed(candidates), 0, step));
  std::vector<std::string> passed_over;
  const auto pass_over = [&passed_over](const CheckpointCandidate& candidate, const std::string& why) {
    if (passed_over.size() < most_passed_over) {
      passed_over.push_back("'" + candidate.path + "': " + why);
    }
  };
  for (const auto& candidate : candidates) {  // of these it is not known whether they are newer
    if (!candidate.why_not.empty()) {
      pass_over(candidate, candidate.why_not);
    }
  }
  const std::size_t unreadable = passed_over.size();
  for (const auto& candidate : candidates) {
    if (candidate.why_not.empty()) {
      CheckpointReport report;
      const auto error = mpi::error_of([&] {
        report = read_checkpoint({job.group, job.session, job.files, job.store, candidate.path,
                                  resolved_path(candidate.path), job.until},
                                 options);
      });
      if (!error) {
        report.passed_over = std::move(passed_over);
        report.number = job.files.number_of(candidate.path, job.path);
        return report;
      }
      if (error->code() != Errc::corrupt && error->code() != Errc::not_found &&
          error->code() != Errc::system) {
        throw *error;
      }
      pass_over(candidate, error->what());
    }
  }
  throw Error(passed_over.empty() ? Errc::not_found : Errc::corrupt,
              passed_over.empty() ? "there is no checkpoint '" + job.path + "'"
                                  : "no checkpoint '" + job.path + "' can be restored; the latest, " +
                                        passed_over[unreadable < passed_over.size() ? unreadable : 0]);
}

}  // namespace locum
