#include "transport/storage/experiments/experiment_text.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>
#include <new>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "core/base/checksum.hpp"
#include "core/format.hpp"
#include "core/value/error.hpp"
#include "transport/storage/experiments/experiment_place.hpp"
#include "transport/storage/experiments/plain_record.hpp"
#include "transport/storage/formats/json/json_text.hpp"
#include "transport/storage/formats/text/format_call.hpp"
#include "transport/storage/formats/text/utf8.hpp"

namespace locum::storage {

namespace {

constexpr std::size_t head_revision_at = 37;
constexpr std::size_t head_revision_bytes = 25;
constexpr std::string_view experiment_head_begin = R"({"locum.experiment": 1, "revision": ")";
constexpr std::string_view experiment_head_kind = R"({"locum.experiment": )";
constexpr std::string_view experiment_head_middle = R"(", "checksum": ")";
constexpr std::string_view experiment_head_end = "\", \"experiment\":\n";
static_assert(experiment_head_begin.size() == head_revision_at);
static_assert(experiment_head_begin.size() + head_revision_bytes + experiment_head_middle.size() + 8 +
                  experiment_head_end.size() ==
              experiment_head_bytes);
constexpr std::uint64_t experiment_ns_in_second = 1'000'000'000;

/// Collects what a format writes.
class ExperimentDraft final : public FileDraft {
 public:
  [[nodiscard]] Result<void> write(std::span<const std::byte> bytes) override {
    text.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return {};
  }
  [[nodiscard]] Result<void> write_at(std::uint64_t offset, std::span<const std::byte> bytes) override {
    std::ranges::copy(bytes,
                      std::as_writable_bytes(std::span(text)).begin() + static_cast<std::ptrdiff_t>(offset));
    return {};
  }
  [[nodiscard]] std::uint64_t size_bytes() const noexcept override { return text.size(); }

  std::string text;
};

std::string experiment_head(std::string_view revision, std::string_view rest) {
  const std::uint32_t sum =
      checksum(std::as_bytes(std::span(rest)), checksum(std::as_bytes(std::span(revision))));
  std::array<char, 9> digits{};
  std::snprintf(digits.data(), digits.size(), "%08x", sum);
  return std::string(experiment_head_begin)
      .append(revision)
      .append(experiment_head_middle)
      .append(digits.data())
      .append(experiment_head_end);
}

/// Returns a time in UTC, to the nanosecond: "2026-11-30T18:12:38.000000001Z".
std::string experiment_time_text(std::uint64_t ns) {
  const auto seconds = static_cast<std::time_t>(ns / experiment_ns_in_second);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02d-%02dT%02d:%02d:%02d.%09uZ", parts.tm_year + 1900,
                parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
                static_cast<unsigned>(ns % experiment_ns_in_second));
  return text.data();
}

std::optional<std::uint64_t> experiment_time_of(std::string_view given) {
  const std::string text(given.substr(0, 32));
  std::tm parts{};
  unsigned fraction = 0;
  if (std::sscanf(text.c_str(), "%4d-%2d-%2dT%2d:%2d:%2d.%9uZ", &parts.tm_year, &parts.tm_mon, &parts.tm_mday,
                  &parts.tm_hour, &parts.tm_min, &parts.tm_sec, &fraction) != 7) {
    return std::nullopt;
  }
  parts.tm_year -= 1900;
  parts.tm_mon -= 1;
  const std::time_t seconds = ::timegm(&parts);
  if (seconds < 0 || static_cast<std::uint64_t>(seconds) > UINT64_MAX / experiment_ns_in_second - 1) {
    return std::nullopt;
  }
  const std::uint64_t ns = static_cast<std::uint64_t>(seconds) * experiment_ns_in_second + fraction;
  return experiment_time_text(ns) == given ? std::optional(ns) : std::nullopt;
}

Error damaged_experiment(const std::string& finding) {
  return Error(Errc::corrupt, finding + "; take this file from a backup, or remove the experiment");
}

Record written_fields_of(const WrittenExperiment& experiment) {
  RecordMembers fields;
  for (const auto& [name, field] : experiment.fields) {
    if (!is_utf8(name)) {
      throw Error(Errc::invalid_argument, "the name of a field is no UTF-8");
    }
    fields.set(name, field.file.empty() ? Record::members({{"value", plain_record(field.value)}})
                                        : Record::members({{"url", field.file}}));
  }
  return fields;
}

/// Takes the parts of an experiment from a value, which is not trusted.
class ExperimentReader {
 public:
  ExperimentReader(const Record& value, const std::weak_ptr<detail::SessionState>& session)
      : value_(value), session_(session) {}

  Result<WrittenExperiment> read() {
    WrittenExperiment made;
    const auto status = text("status");
    for (const ExperimentStatus known :
         {ExperimentStatus::running, ExperimentStatus::done, ExperimentStatus::failed}) {
      made.status = status == to_string(known) ? known : made.status;
    }
    const auto created = experiment_time_of(text("created"));
    const auto persisted = experiment_time_of(text("persisted"));
    made.reason = text("reason");
    made.host = text("host");
    made.commit = text("commit");
    if (!wrong_ && status != to_string(made.status)) {
      wrong_ = damaged_experiment("the member 'status' is neither running, done nor failed");
    }
    if (!wrong_ && (!created || !persisted)) {
      wrong_ = damaged_experiment("a time is not written as 2026-11-30T18:12:38.000000001Z");
    }
    if (wrong_) {
      return *wrong_;
    }
    made.created_ns = *created;
    made.persisted_ns = *persisted;
    for (const auto& [name, field] : value_["fields"].members()) {
      auto read = read_field(field);
      if (!read) {
        return Error(read.error().code(), "the field '" + name + "': " + read.error().text());
      }
      made.fields.emplace(name, std::move(*read));
    }
    return made;
  }

 private:
  std::string text(std::string_view name) {
    const Record& member = value_[name];
    if (member.kind() != Record::Kind::text && !wrong_) {
      wrong_ = damaged_experiment("the member '" + std::string(name) + "' is no text");
    }
    return std::string(member.text());
  }
  [[nodiscard]] Result<WrittenField> read_field(const Record& field) const {
    const Record* const value = field.members().find("value");
    const Record* const url = field.members().find("url");
    if (field.size() != 1 || (value == nullptr && url == nullptr)) {
      return damaged_experiment("it is neither a value nor a url");
    }
    if (value != nullptr) {
      auto made = record_of_plain(*value, session_);
      return made ? Result<WrittenField>(WrittenField{std::move(*made), {}}) : made.error();
    }
    if (!data_name_ns(url->text(), field_ending)) {
      return damaged_experiment("its url is not that of a file of a field");
    }
    return WrittenField{{}, std::string(url->text())};
  }

  const Record& value_;
  const std::weak_ptr<detail::SessionState>& session_;
  std::optional<Error> wrong_;
};

}  // namespace

Result<std::string> text_of_experiment(const WrittenExperiment& experiment, std::string_view revision) {
  return format_call([&]() -> Result<std::string> {
    for (const std::string* const text : {&experiment.reason, &experiment.host, &experiment.commit}) {
      if (!is_utf8(*text)) {
        return Error(Errc::invalid_argument, "reason, host and commit of an experiment are texts of UTF-8");
      }
    }
    const Record value = Record::members({{"status", to_string(experiment.status)},
                                          {"reason", experiment.reason},
                                          {"created", experiment_time_text(experiment.created_ns)},
                                          {"persisted", experiment_time_text(experiment.persisted_ns)},
                                          {"host", experiment.host},
                                          {"commit", experiment.commit},
                                          {"fields", written_fields_of(experiment)}});
    ExperimentDraft draft;
    if (auto written = json_write(value, draft, {}); !written) {
      return written.error();
    }
    draft.text += "}\n";
    if (draft.text.size() > longest_experiment_text - experiment_head_bytes) {
      return Error(Errc::invalid_argument,
                   "the small values of an experiment have at most 64 MiB; put many of them into one field");
    }
    return sealed_experiment_text(revision, draft.text);
  });
}

std::string sealed_experiment_text(std::string_view revision, std::string_view rest) {
  return experiment_head(revision, rest).append(rest);
}

Result<std::string> revision_of_experiment(std::string_view first_line) {
  if (first_line.starts_with(experiment_head_kind) && !first_line.starts_with(experiment_head_begin)) {
    return Error(Errc::unsupported,
                 "the version of this experiment is unknown to this version of locum; use a later one");
  }
  if (first_line.size() < experiment_head_bytes || !first_line.starts_with(experiment_head_begin)) {
    return damaged_experiment("the file does not begin as that of an experiment does");
  }
  return std::string(first_line.substr(head_revision_at, head_revision_bytes));
}

Result<WrittenExperiment> read_experiment_text(std::string_view text,
                                               const std::weak_ptr<detail::SessionState>& session) {
  return format_call([&]() -> Result<WrittenExperiment> {
    const auto revision = revision_of_experiment(text);
    if (!revision) {
      return revision.error();
    }
    const std::string_view rest = text.substr(experiment_head_bytes);
    if (text.substr(0, experiment_head_bytes) != experiment_head(*revision, rest) || !rest.ends_with("}\n")) {
      return damaged_experiment("the file was changed, or is incomplete: its checksum differs");
    }
    JsonOptions options;
    options.has_options = false;
    const auto value = json_read(rest.substr(0, rest.size() - 2), options);
    auto read = value ? ExperimentReader(*value, session).read()
                      : Result<WrittenExperiment>(damaged_experiment(value.error().text()));
    if (read) {
      read->revision = *revision;
    }
    return read;
  });
}

}  // namespace locum::storage
