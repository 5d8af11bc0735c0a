#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/value/error.hpp"
#include "transport/storage/durable_file.hpp"
#include "transport/storage/file_series.hpp"
#include "transport/storage/hdf5/master_file.hpp"

namespace locum::storage {

/// A file of a series that may be a checkpoint.
struct SeriesEntry {
  std::string path;
  std::optional<MasterFile> master;
  std::optional<Error> error;  ///< why there is none
};

/// The files of a series, the latest checkpoint first; those that are none, or cannot be read, last.
[[nodiscard]] std::vector<SeriesEntry> read_series(const FileSeries& series);

/// A checkpoint that is to be removed once a newer one is complete.
struct ExpiredCheckpoint {
  std::string path;
  std::vector<std::string> parts;
  std::string parts_folder;
  bool xdmf = false;                 ///< has a description beside it
  std::optional<FileIdentity> file;  ///< when it was read
};

/// What of the series of `path` is too much when `path` is written, and `keep` stay with it: the oldest
/// checkpoints of that store which were written to be removed like this. Nothing else is: no file of another
/// program, store or name, no link to a file, and no checkpoint that is to stay. Removes what jobs that died
/// have left of the series, where the file system can tell that nobody writes it. Throws Error
/// `invalid_argument` if the path has no number.
[[nodiscard]] std::vector<ExpiredCheckpoint> roll(const std::string& path, const std::string& store,
                                                  std::uint32_t keep);

/// Removes it, unless somebody writes it now, or has written it anew. Calls no HDF5. What cannot be removed
/// stays, and is found again by the next roll().
void remove_expired(const ExpiredCheckpoint& expired) noexcept;

/// The latest MasterFile::time_ns of the series of `path`; 0 if that has none, or the path no number.
[[nodiscard]] std::uint64_t latest_time_of_series(const std::string& path);
/// The time of this computer.
[[nodiscard]] std::uint64_t now_ns() noexcept;

}  // namespace locum::storage
