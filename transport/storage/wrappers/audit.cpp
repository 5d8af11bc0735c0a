#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <string>
#include <utility>

#include "transport/storage/wrappers/call_observer.hpp"
#include "transport/storage/wrappers/line_file.hpp"

namespace locum::storage {

namespace {

/// As those who start the ranks of a job call it; `-` without one.
std::string rank_of_job() {
  for (const char* name : {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "SLURM_PROCID"}) {
    if (const char* const value = std::getenv(name)) {
      return value;
    }
  }
  return "-";
}

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? std::string(name.data()) : std::string("-");
}

/// "2026-01-31T12:00:00.123Z"
std::string moment_now() {
  const auto now = std::chrono::system_clock::now();
  const std::time_t seconds = std::chrono::system_clock::to_time_t(now);
  const auto thousandths =
      std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count() % 1000;
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  std::array<char, 32> text{};
  const std::size_t length = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S.", &parts);
  const std::string digits = std::to_string(1000 + thousandths);
  return std::string(text.data(), length) + digits.substr(1) + 'Z';
}

class Audit final : public CallObserver {
 public:
  Audit(std::shared_ptr<Backend> inner, LineFile file, const std::string& who)
      : CallObserver(std::move(inner)),
        file_(std::move(file)),
        who_("who=" + one_word(who.empty() ? "uid" + std::to_string(::getuid()) : who) +
             " host=" + one_word(host_name()) + " rank=" + one_word(rank_of_job())) {}

 private:
  Result<void> see(const SeenCall& seen) override {
    std::string line = moment_now() + ' ' + who_ + " pid=" + std::to_string(::getpid());
    line += " call=" + std::string(to_string(seen.call)) + " space=" + one_word(seen.space);
    line += " name=" + one_word(seen.name) + " bytes=" + std::to_string(seen.bytes);
    line += " outcome=" + std::string(outcome_of(seen));
    const auto written = file_.append(std::move(line));
    return written ? Result<void>()
                   : Error(Errc::system,
                           "audit: the " + std::string(to_string(seen.call)) +
                               " was done, but is not in the audit file; make room there",
                           written.error().detail())
                         .about(seen.name);
  }

  const LineFile file_;
  const std::string who_;
};

}  // namespace

Result<std::shared_ptr<Backend>> audited(std::shared_ptr<Backend> inner, const AuditOptions& options) {
  if (options.file.empty()) {
    return Error(Errc::invalid_argument, "audit: needs audit.file, the file that lines are appended to");
  }
  auto lines = LineFile::open(options.file);
  return lines ? Result<std::shared_ptr<Backend>>(
                     std::make_shared<Audit>(std::move(inner), std::move(*lines), options.who))
               : lines.error();
}

}  // namespace locum::storage
