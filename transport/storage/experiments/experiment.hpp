#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <locum/files.hpp>
#include <locum/record.hpp>
#include <locum/result.hpp>
#include <locum/session.hpp>
#include <locum/view.hpp>

/// \file
/// Experiments: what a run was given and what it found, in a folder of its own, to be found again. Link
/// `locum::serial` (no MPI) or `locum::locum`.
namespace locum {

namespace detail {
class ExperimentData;
}

/// What has become of a run.
enum class ExperimentStatus : std::uint8_t { running, done, failed };

/// Returns the enumerator's own name, e.g. "running".
[[nodiscard]] std::string_view to_string(ExperimentStatus status) noexcept;

/// Options of an Experiment.
struct ExperimentOptions {
  /// URL of the folder with all experiments, as of Files: `file:///scratch/experiments`. Empty: that of the
  /// variable LOCUM_EXPERIMENTS, else of the table `[experiments]` in the file that LOCUM_STORES names. Not
  /// with Files of the program's own.
  std::string_view url = {};
  /// Stored size from which on a field is kept outside, in a file of its own; of the field `parameters` it is
  /// 1 MiB at least, since tables show it.
  std::uint64_t outside_bytes = 4096;
  std::string_view commit = {};   ///< version of the program; of a new experiment
  std::string_view backend = {};  ///< name of an area of Files::add()
  /// Whether persist() and remove() keep the row of the table beside the experiments: see
  /// Experiments::list().
  bool table = true;
  std::chrono::milliseconds table_wait{10'000};  ///< for other processes that use the table
};

/// What an experiment is known by, without its fields.
struct ExperimentInfo {
  std::string id;
  ExperimentStatus status = ExperimentStatus::running;
  std::string reason;              ///< why it failed
  std::uint64_t created_ns = 0;    ///< since 1970
  std::uint64_t persisted_ns = 0;  ///< last; 0: never
  std::string host;                ///< where it was made
  std::string commit;
  Record parameters;  ///< the field of that name; null if it is outside, or there is none
};

/// A field of an Experiment, or a value in it: `e["result"]["T"]`. It is looked up, and loaded if it is
/// outside, when it is used. Valid as long as the experiment, or a copy of that value.
class ExperimentField {
 public:
  ExperimentField(const ExperimentField&) = default;
  ExperimentField& operator=(const ExperimentField&) = delete;
  ~ExperimentField() = default;

  /// Sets the value; makes the members on the way to it. Throws Error: `type_mismatch` if something on the
  /// way is neither null nor members, `invalid_argument` if it nests too deep, and the errors of value().
  template <class T>
    requires(std::is_convertible_v<const T&, Record> && !std::is_same_v<T, ExperimentField>)
  const ExperimentField& operator=(const T& value) const {
    set(Record(value));
    return *this;
  }
  /// Overload for values in braces.
  const ExperimentField& operator=(Record value) const {
    set(std::move(value));
    return *this;
  }
  /// Overload for what get() of a store returns; copies the elements.
  template <class T>
  const ExperimentField& operator=(const View<T[]>& view) const {
    set(Array(view.array()));
    return *this;
  }

  /// Returns a member of this value, to be read or set.
  [[nodiscard]] ExperimentField operator[](std::string_view name) const;

  /// Returns the value; null if there is none. Reads the file of the field if it is outside and was not read
  /// yet. `stale`: another program has persisted or removed the experiment since: reload(); `corrupt` names
  /// the file; `out_of_memory`, `timeout`, `system`.
  [[nodiscard]] Result<Record> value() const;
  /// Returns the value as a `T`: see Record::as(). The errors of both, which name the value; `not_found` if
  /// there is none names those that there are.
  template <class T>
  [[nodiscard]] Result<T> as() const {
    const auto read = value();
    auto as_asked = read ? read->template as<T>() : Result<T>(read.error());
    return as_asked || !read ? std::move(as_asked) : Result<T>(not_as(*read, as_asked.error()));
  }
  /// Returns the URL of the field's file, in which it was persisted; empty if it is kept inside, or was not
  /// persisted since it was changed. Reads nothing.
  [[nodiscard]] std::string url() const;
  /// Returns whether the value is in memory: value() reads no file.
  [[nodiscard]] bool is_loaded() const noexcept;

 private:
  friend class Experiment;

  ExperimentField(std::shared_ptr<detail::ExperimentData> data, std::vector<std::string> path)
      : data_(std::move(data)), path_(std::move(path)) {}
  void set(Record value) const;
  /// Returns the error of a value that is not of the type that was asked for.
  [[nodiscard]] Error not_as(const Record& found, const Error& error) const;

  std::shared_ptr<detail::ExperimentData> data_;
  std::vector<std::string> path_;
};

/// Values of a run, under names, and the folder in which they are kept: `Experiment e("e17", {.url =
/// "file:///scratch/experiments"}); e["parameters"] = config; e["result"]["T"] = field;
/// e.persist().value();`
///
/// *Fields.* A field is a Record. persist() keeps small ones together in the folder's `experiment.json`, for
/// people, too; a field of ExperimentOptions::outside_bytes or more goes to a file of its own, one for the
/// whole field, and leaves memory. It is read again, at once and whole, when it is used.
///
/// *Whole.* persist() writes new files, then `experiment.json` in their place, then removes old files:
/// whoever opens the experiment finds the old one or the new one, also if this process is killed meanwhile.
/// Files that are left over then are found by Experiments::garbage().
///
/// A cheap value; copies are the same experiment. One thread at a time. Calls block while the file system
/// does.
class Experiment {
 public:
  /// Opens the experiment of that ID, or begins a new one, which persist() is to make. An ID is the name of a
  /// folder: 1 to 128 letters, digits and `_ - . , + = @ ~ %`, not `.` first. Throws Error:
  /// `invalid_argument`; `key_exists`: the name is a prefix of RecordIO; `corrupt` names the file; those of
  /// Files.
  explicit Experiment(std::string_view id, const ExperimentOptions& options = {});
  /// The same, whose files are loaded once for all ranks of the node that share the session.
  Experiment(const Session& session, std::string_view id, const ExperimentOptions& options = {});
  /// The same in folders of these files.
  Experiment(const Files& files, std::string_view id, const ExperimentOptions& options = {});

  [[nodiscard]] const std::string& id() const noexcept;
  /// Returns the URL of the folder.
  [[nodiscard]] std::string url() const;
  /// Returns whether there is a persisted state that this one was read from, or written to.
  [[nodiscard]] bool is_persisted() const noexcept;
  /// Returns ID, status, times and parameters, as they are in memory. Reads nothing.
  [[nodiscard]] ExperimentInfo info() const;
  /// Sets what info() returns, and persist() keeps: the status, and why the run failed.
  void set_status(ExperimentStatus status, std::string_view reason = {});

  /// Returns a field, to be read or set.
  [[nodiscard]] ExperimentField operator[](std::string_view name) const;
  /// Returns the names of the fields, ascending.
  [[nodiscard]] std::vector<std::string> names() const;
  /// Removes a field; from the files with the next persist(). Returns false if there is none.
  bool erase(std::string_view name);

  /// Keeps the fields. `stale`: another program has persisted or removed the experiment since this one was
  /// read: nothing is changed; `key_exists`: a RecordIO has taken the name; `invalid_argument`: a value
  /// cannot be stored; `out_of_memory`. After these, the persisted experiment is the old one. `system`: it is
  /// the old one, or this one if the system wrote it and did not confirm that it is on the disk. An error
  /// whose text says that the experiment is persisted is of the table alone: Experiments::rebuild() makes its
  /// row.
  Result<void> persist();
  /// Reads the experiment again, without the values outside. Changes that were not persisted are lost.
  /// `not_found`: there is none; `corrupt` names the file; `system`.
  Result<void> reload();
  /// Persists the fields, changes included, under another ID. `key_exists`: it is in use; the errors of
  /// persist().
  [[nodiscard]] Result<Experiment> copy(std::string_view id) const;
  /// Removes the experiment and its folder, with all that is in it. Returns false if there was none: a folder
  /// of that name stays. This value is a new experiment then. `invalid_argument`, `system`.
  Result<bool> remove();

 private:
  explicit Experiment(std::shared_ptr<detail::ExperimentData> data) : data_(std::move(data)) {}

  std::shared_ptr<detail::ExperimentData> data_;
};

}  // namespace locum
