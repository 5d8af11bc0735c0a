#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/value/result.hpp"
#include "transport/storage/files/area.hpp"
#include "transport/storage/files/files.hpp"

namespace locum::storage {

/// The file that makes a folder an experiment, and the one that makes it a prefix of RecordIO.
inline constexpr std::string_view experiment_file = "experiment.json";
inline constexpr std::string_view prefix_file = "prefix.json";
/// Begins the name of the table's file, which no ID may be.
inline constexpr std::string_view table_file = "experiments.sqlite";

/// The folder with all experiments. Copies are the same; any thread.
class ExperimentPlace {
 public:
  /// `not_found` if the files have no backend of that name.
  [[nodiscard]] static Result<ExperimentPlace> of(const Files& files, std::string_view backend);

  [[nodiscard]] const Files& files() const noexcept { return files_; }
  [[nodiscard]] FileArea& area() const noexcept { return *area_; }
  [[nodiscard]] const std::string& backend() const noexcept { return backend_; }

  [[nodiscard]] Result<bool> exists(const std::string& path) const;
  /// Returns what is in a small file, or its first bytes; none: there is no such file.
  /// \param most bytes \param begins whether a longer file is cut; else it is `corrupt`
  [[nodiscard]] Result<std::optional<std::string>> text(const std::string& path, std::size_t most,
                                                        bool begins = false) const;
  /// Writes the file of an experiment, atomically, unless `check` refuses what is there: its head, or
  /// nothing. Of several programs that do so at a time, each checks what the one before has written; where
  /// nothing keeps them apart, what was there shortly before.
  [[nodiscard]] Result<void> replace(
      const std::string& path, std::string_view text,
      const std::function<Result<void>(const std::optional<std::string>& head)>& check) const;
  /// Writes a file, atomically.
  [[nodiscard]] Result<void> write(const std::string& path, std::string_view text) const;
  /// Saves a Record, with what it is called, in a file of its own.
  [[nodiscard]] Result<void> save(const std::string& path, std::string_view name, const Record& value) const;
  /// Inverts save(): reads the whole file. \param name null: any
  [[nodiscard]] Result<Record> load(const std::string& path, std::string_view name = {}) const;
  /// Removes a file, or a folder with all that is in it; of a link, the link alone. False: there was none.
  [[nodiscard]] Result<bool> remove(const std::string& path) const { return remove(path, 0); }

  /// Returns the URL of a path, and the path of such a URL; `invalid_argument` if it is of another place.
  [[nodiscard]] std::string url_of(std::string_view path) const;
  [[nodiscard]] Result<std::string> path_of(std::string_view url) const;

 private:
  ExperimentPlace(Files files, std::shared_ptr<FileArea> area, std::string_view backend)
      : files_(std::move(files)), area_(std::move(area)), backend_(backend) {}
  [[nodiscard]] Result<bool> remove(const std::string& path, std::size_t depth) const;
  [[nodiscard]] std::string url_start() const;

  Files files_;
  std::shared_ptr<FileArea> area_;
  std::string backend_;
};

/// Returns the URL of experiments that are given none: of the environment, or of the configuration that it
/// names. `invalid_argument` if there is none; the errors of read_configuration().
[[nodiscard]] Result<std::string> usual_experiments_url();
/// Opens the files of that URL; empty: of the usual one. Throws Error.
[[nodiscard]] Files files_of_experiments(const Session* session, std::string_view url);
/// Checks an ID, or a prefix. \param what it is called in the error
[[nodiscard]] Result<void> check_experiment_id(std::string_view id, std::string_view what);
/// Returns a text that no other call of any process returns: the time, and a random number.
[[nodiscard]] std::string new_experiment_stamp();
/// Returns a new name for a file, which begins with that name as far as it may. \param ending with its dot
[[nodiscard]] std::string new_data_name(std::string_view name, std::string_view ending);
/// Returns when such a name was made, in nanoseconds since 1970; none: it is another name.
[[nodiscard]] std::optional<std::uint64_t> data_name_ns(std::string_view name, std::string_view ending);

}  // namespace locum::storage
