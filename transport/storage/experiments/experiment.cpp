#include "transport/storage/experiments/experiment.hpp"

#include <algorithm>
#include <cstddef>
#include <span>
#include <utility>

#include "core/value/error.hpp"
#include "transport/storage/experiments/experiment_data.hpp"

namespace locum {

namespace {

Files files_of_experiment(const Session* session, const ExperimentOptions& options) {
  if (!options.backend.empty()) {
    throw Error(Errc::invalid_argument, "the option backend is for an experiment in Files of your own");
  }
  return storage::files_of_experiments(session, options.url);
}

std::shared_ptr<detail::ExperimentData> open_experiment(const Files& files, std::string_view id,
                                                        const ExperimentOptions& options) {
  storage::check_experiment_id(id, "the ID of an experiment").value();
  auto data = std::make_shared<detail::ExperimentData>(
      storage::ExperimentPlace::of(files, options.backend).value(), id, options);
  data->is_no_prefix().value();
  if (const auto read = data->read(); !read && read.error().code() != Errc::not_found) {
    throw read.error();
  }
  return data;
}

/// Returns names on the way to a value as queries write them: solver.steps.
std::string dotted(std::span<const std::string> names) {
  std::string text;
  for (const std::string& name : names) {
    text.append(text.empty() ? "" : ".").append(name);
  }
  return text;
}

/// Returns the first names of a list, for an error.
std::string names_listed(std::span<const std::string> names) {
  constexpr std::size_t most = 20;
  std::string text;
  for (const std::string& name : names.first(std::min(names.size(), most))) {
    text.append(text.empty() ? "" : ", ").append(name);
  }
  return text.empty() ? "none" : text + (names.size() > most ? ", …" : "");
}

}  // namespace

std::string_view to_string(ExperimentStatus status) noexcept {
  switch (status) {
    case ExperimentStatus::running:
      return "running";
    case ExperimentStatus::done:
      return "done";
    case ExperimentStatus::failed:
      return "failed";
  }
  return "unknown";
}

ExperimentField ExperimentField::operator[](std::string_view name) const {
  std::vector<std::string> path = path_;
  path.emplace_back(name);
  return {data_, std::move(path)};
}

Result<Record> ExperimentField::value() const {
  return data_->value(path_);
}

// Of what is missing, the first name on the way to it that leads nowhere.
Error ExperimentField::not_as(const Record& found, const Error& error) const {
  const std::string of(data_->id());
  if (!found.is_null()) {
    return Error(error.code(), "'" + dotted(path_) + "': " + error.text(), error.detail()).about(of);
  }
  if (const auto names = data_->names(); std::ranges::find(names, path_.front()) == names.end()) {
    return Error(Errc::not_found,
                 "there is no field '" + path_.front() + "'; there are " + names_listed(names))
        .about(of);
  }
  for (std::size_t depth = 1; depth < path_.size(); ++depth) {
    const std::span<const std::string> way = std::span(path_).first(depth);
    const auto above = data_->value({way.begin(), way.end()});
    if (!above) {
      return above.error();
    }
    if (above->members().find(path_[depth]) == nullptr) {
      std::vector<std::string> names;
      for (const auto& [name, value] : above->members()) {
        names.push_back(name);
      }
      return Error(Errc::not_found, "there is no '" + dotted(std::span(path_).first(depth + 1)) + "'; in '" +
                                        dotted(way) + "' there are " + names_listed(names))
          .about(of);
    }
  }
  return Error(error.code(), "'" + dotted(path_) + "' is null; set it, or ask for it as a Record").about(of);
}

std::string ExperimentField::url() const {
  const std::string file = data_->file_of(path_.front());
  return file.empty() ? file : data_->place().url_of(data_->path_of(file));
}

bool ExperimentField::is_loaded() const noexcept {
  return data_->is_loaded(path_.front());
}

void ExperimentField::set(Record value) const {
  data_->set(path_, std::move(value));
}

Experiment::Experiment(std::string_view id, const ExperimentOptions& options)
    : data_(open_experiment(files_of_experiment(nullptr, options), id, options)) {}

Experiment::Experiment(const Session& session, std::string_view id, const ExperimentOptions& options)
    : data_(open_experiment(files_of_experiment(&session, options), id, options)) {}

Experiment::Experiment(const Files& files, std::string_view id, const ExperimentOptions& options) {
  if (!options.url.empty()) {
    throw Error(Errc::invalid_argument, "an experiment in Files is where these are; leave out its url");
  }
  data_ = open_experiment(files, id, options);
}

const std::string& Experiment::id() const noexcept {
  return data_->id();
}

std::string Experiment::url() const {
  return data_->place().url_of(data_->id());
}

bool Experiment::is_persisted() const noexcept {
  return data_->is_persisted();
}

ExperimentInfo Experiment::info() const {
  return data_->info();
}

void Experiment::set_status(ExperimentStatus status, std::string_view reason) {
  data_->set_status(status, reason);
}

ExperimentField Experiment::operator[](std::string_view name) const {
  return {data_, {std::string(name)}};
}

std::vector<std::string> Experiment::names() const {
  return data_->names();
}

bool Experiment::erase(std::string_view name) {
  return data_->erase(name);
}

Result<void> Experiment::persist() {
  return data_->persist();
}

Result<void> Experiment::reload() {
  return data_->read();
}

Result<Experiment> Experiment::copy(std::string_view id) const {
  auto made = data_->copy(id);
  return made ? Result<Experiment>(Experiment(std::move(*made))) : made.error();
}

Result<bool> Experiment::remove() {
  return data_->remove();
}

}  // namespace locum
