#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
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
