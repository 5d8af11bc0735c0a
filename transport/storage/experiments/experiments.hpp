#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <locum/experiment.hpp>
#include <locum/files.hpp>
#include <locum/record.hpp>
#include <locum/result.hpp>

/// \file
/// The experiments of one place. Link `locum::serial` (no MPI) or `locum::locum`.
namespace locum {

namespace detail {
class ExperimentsData;
}

/// What a parameter of an experiment is to be: `{.parameter = "dt", .at_most = 0.1}`. Numbers are compared as
/// numbers, exactly, whether they are integers or reals; texts byte by byte; values of different kinds never
/// match.
struct ParameterFilter {
  std::string parameter;  ///< of members in members with dots: `solver.steps`
  Record equals = {};     ///< a truth value, a number or a text; null: any
  Record at_least = {};
  Record at_most = {};
};

/// Options of Experiments::list().
struct ExperimentQuery {
  std::vector<ParameterFilter> where = {};  ///< all of these
  std::optional<ExperimentStatus> status = {};
  std::chrono::milliseconds wait{10'000};  ///< for other processes that use the table
};

/// Options of Experiments::garbage().
struct GarbageOptions {
  bool remove = false;
  /// Age from which on a file counts: younger ones may be those of a persist() that has not ended. Their
  /// names say when they were made, by the clock of the host that made them.
  std::chrono::seconds older_than{3600};
};

/// A file of a field that no experiment refers to.
struct ExperimentGarbage {
  std::string path;  ///< below the place
  std::uint64_t size_bytes = 0;
};

/// The experiments of one place: `Experiments all("file:///scratch/experiments");`. A cheap value; copies are
/// the same. Any thread may call; calls block while the file system does.
class Experiments {
 public:
  /// Opens the folder of all experiments, as ExperimentOptions::url. Throws the errors of Files.
  explicit Experiments(std::string_view url = {});
  /// The same in these files. Throws Error: `not_found`, if they have no such backend.
  explicit Experiments(const Files& files, const PathOptions& options = {});

  /// Returns the IDs of the experiments that were persisted, ascending. Looks into all folders.
  [[nodiscard]] Result<std::vector<std::string>> ids() const;
  /// Returns what is known of one, as it was persisted. `not_found`; `corrupt` names the file.
  [[nodiscard]] Result<ExperimentInfo> info(std::string_view id) const;
  /// Returns the experiments whose parameters are as asked for, by ID. Asks the table `experiments.sqlite` in
  /// the folder of a `file:` URL, which persist() keeps, and which is made if there is none; elsewhere, and
  /// where the library was built without SQLite, reads all experiments. Damaged experiments are left out.
  /// `invalid_argument` if a filter asks for what no parameter is; `timeout`: other processes used the table
  /// for all of ExperimentQuery::wait; `corrupt`: the table is damaged: rebuild(); `system`.
  [[nodiscard]] Result<std::vector<ExperimentInfo>> list(const ExperimentQuery& query = {}) const;
  /// Makes the table again from the folders: it is an index, and nothing is lost with it. Returns the errors
  /// of experiments that could not be read, each with its file. `unsupported`: there is no table here (see
  /// list()); `timeout`, `system`.
  Result<std::vector<Error>> rebuild(
      std::chrono::milliseconds wait = std::chrono::milliseconds(10'000)) const;
  /// Returns the parameters in which these differ, each a list of its values in the order of `ids`; null
  /// where there is none. The errors of info().
  [[nodiscard]] Result<Record> compare(std::span<const std::string> ids) const;
  /// Removes one and its folder, with all that is in it; also if it is damaged. Returns false if there is
  /// none. `key_exists`: it is a prefix of RecordIO.
  Result<bool> remove(std::string_view id) const;
  /// Returns the files of fields that no experiment refers to, and removes them if that is asked for: those
  /// that a killed process has left, and of experiments whose folders could not be removed. Files of a
  /// RecordIO, files with other names, and those beside a damaged `experiment.json` are left alone.
  [[nodiscard]] Result<std::vector<ExperimentGarbage>> garbage(const GarbageOptions& options = {}) const;

 private:
  std::shared_ptr<const detail::ExperimentsData> data_;
};

}  // namespace locum
