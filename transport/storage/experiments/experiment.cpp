#include "transport/storage/experiments/experiment.hpp"

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
