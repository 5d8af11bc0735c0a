#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/record.hpp"
#include "core/value/result.hpp"
#include "transport/storage/experiments/experiment.hpp"
#include "transport/storage/experiments/experiment_place.hpp"
#include "transport/storage/experiments/experiment_table.hpp"
#include "transport/storage/experiments/experiment_text.hpp"

namespace locum::detail {

/// The field that tables of experiments show.
inline constexpr std::string_view parameters_field = "parameters";

/// Returns what is persisted of an experiment. `not_found`; `corrupt` names the file.
[[nodiscard]] Result<storage::WrittenExperiment> read_experiment(const storage::ExperimentPlace& place,
                                                                 const std::string& id);
[[nodiscard]] ExperimentInfo info_of(std::string_view id, const storage::WrittenExperiment& about,
                                     Record parameters);

/// Returns the table of a place; null if it has none.
[[nodiscard]] std::shared_ptr<const storage::ExperimentTable> table_of(const storage::ExperimentPlace& place,
                                                                       std::chrono::milliseconds wait);

/// What copies of an Experiment share. One thread at a time.
class ExperimentData {
 public:
  /// Begins a new experiment. REQUIRES: the ID was checked.
  ExperimentData(storage::ExperimentPlace place, std::string_view id, const ExperimentOptions& options);

  [[nodiscard]] const std::string& id() const noexcept { return id_; }
  [[nodiscard]] const storage::ExperimentPlace& place() const noexcept { return place_; }
  [[nodiscard]] std::string path_of(std::string_view file) const { return id_ + '/' + std::string(file); }
  [[nodiscard]] bool is_persisted() const noexcept { return !revision_.empty(); }
  [[nodiscard]] ExperimentInfo info() const;
  void set_status(ExperimentStatus status, std::string_view reason);

  [[nodiscard]] std::vector<std::string> names() const;
  bool erase(std::string_view name) { return fields_.erase(std::string(name)) > 0; }
  /// Returns a value in a field, which is loaded if it is outside.
  [[nodiscard]] Result<Record> value(const std::vector<std::string>& path);
  void set(const std::vector<std::string>& path, Record value);
  [[nodiscard]] bool is_loaded(std::string_view name) const noexcept;
  /// Returns the name of a field's file; empty: it is inside, or was changed.
  [[nodiscard]] std::string file_of(std::string_view name) const;

  /// `key_exists` if the name is a prefix of RecordIO.
  [[nodiscard]] Result<void> is_no_prefix() const;
  [[nodiscard]] Result<void> persist();
  /// Reads it. `not_found`.
  [[nodiscard]] Result<void> read();
  [[nodiscard]] Result<std::shared_ptr<ExperimentData>> copy(std::string_view id);
  [[nodiscard]] Result<bool> remove();

 private:
  struct Field {
    Record value;
    std::string file;  ///< of the value as it was persisted; empty: inside, or changed since
    bool is_loaded = true;
  };
  using Fields = std::map<std::string, Field, std::less<>>;

  [[nodiscard]] Result<void> load(const std::string& name, Field& field);
  /// Returns the error of a field whose file cannot be read; `stale` if that is of what others did.
  [[nodiscard]] Error unreadable(const std::string& name, const Field& field, const Error& error) const;
  /// Returns whether the value is to be kept outside.
  [[nodiscard]] static Result<bool> is_large(const Record& value, std::uint64_t least_bytes);
  /// `stale` if what is persisted is not what this was read from; `key_exists` if the name is a prefix.
  [[nodiscard]] Result<void> check_unchanged() const;
  /// \param line the head of its file; none: there is no such file
  [[nodiscard]] Result<void> check_unchanged(const std::optional<std::string>& line) const;
  /// Writes the fields that were changed and are large. \param made names of the new files
  [[nodiscard]] Result<void> write_fields(storage::WrittenExperiment& written,
                                          std::vector<std::string>& made);
  /// Writes all. After an error, what has the names in `made` is of no use, unless may_be_there().
  [[nodiscard]] Result<void> write(storage::WrittenExperiment& written, const std::string& revision,
                                   std::vector<std::string>& made);
  /// Returns false if what is persisted is of another revision.
  [[nodiscard]] bool may_be_there(const std::string& revision) const;
  [[nodiscard]] ExperimentOptions options_of_copy() const {
    return {.outside_bytes = outside_bytes_, .table = table_ != nullptr, .table_wait = table_wait_};
  }
  /// Copies the fields, and their files. \param copies paths of the files
  [[nodiscard]] Result<void> copy_files(ExperimentData& made, std::vector<std::string>& copies) const;
  void remove_unused_files(const storage::WrittenExperiment& written);

  const storage::ExperimentPlace place_;
  const std::string id_;
  const std::uint64_t outside_bytes_;
  const std::chrono::milliseconds table_wait_;
  const std::shared_ptr<const storage::ExperimentTable> table_;  ///< null: there is none, or it is not kept
  storage::WrittenExperiment about_;                             ///< without fields
  Fields fields_;
  std::string revision_;            ///< of what was read or written last; empty: none
  std::vector<std::string> files_;  ///< of its fields
};

}  // namespace locum::detail
