#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include <locum/files.hpp>
#include <locum/record.hpp>
#include <locum/result.hpp>
#include <locum/session.hpp>

/// \file
/// Values and bytes beside experiments, by URL. Link `locum::serial` (no MPI) or `locum::locum`.
namespace locum {

namespace detail {
class RecordIOData;
}

/// Options of RecordIO.
struct RecordIOOptions {
  std::string_view prefix = {};   ///< name of the folder: as the ID of an experiment, and not one
  std::string_view url = {};      ///< of the folder with all prefixes and experiments; not with Files
  std::string_view backend = {};  ///< name of an area of Files::add()
};

/// Writes values, or raw bytes, at once and one by one, under a prefix that no experiment owns: `RecordIO
/// io(files, {.prefix = "shared"}); const std::string url = io.write(mesh).value();`. Experiments can keep
/// the URL, which they neither copy nor remove: who has written a file removes it.
///
/// A cheap value; copies are the same. Any thread may call; calls block while the file system does.
class RecordIO {
 public:
  /// Opens a prefix. Throws Error: `invalid_argument`; `key_exists`: an experiment has that ID; those of
  /// Files.
  explicit RecordIO(const RecordIOOptions& options);
  /// The same, whose files are loaded once for all ranks of the node that share the session.
  RecordIO(const Session& session, const RecordIOOptions& options);
  /// The same in folders of these files.
  RecordIO(const Files& files, const RecordIOOptions& options);

  /// Writes a value to a new file; returns its URL. `key_exists`: an experiment has taken the name since;
  /// `invalid_argument`: the value cannot be stored; `system`, `out_of_memory`.
  [[nodiscard]] Result<std::string> write(const Record& value) const;
  /// Writes bytes to a new file, as they are; returns its URL. The same errors.
  [[nodiscard]] Result<std::string> write_bytes(std::span<const std::byte> bytes) const;
  /// Reads what is at a URL of write(); bytes as an array of `u8`; of ExperimentField::url() the field.
  /// `invalid_argument`: it is a URL of another place; `not_found`; `corrupt`; `out_of_memory`, `timeout`,
  /// `system`.
  [[nodiscard]] Result<Record> read(std::string_view url) const;
  /// Removes a file that was written under this prefix. Returns false if there was none. `invalid_argument`:
  /// it is a URL of another prefix, or of an experiment.
  Result<bool> remove(std::string_view url) const;

 private:
  std::shared_ptr<const detail::RecordIOData> data_;
};

}  // namespace locum
