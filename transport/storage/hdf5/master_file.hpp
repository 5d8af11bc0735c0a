#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/ports/checkpoint_files.hpp"
#include "transport/storage/durable_file.hpp"
#include "transport/storage/hdf5/checkpoint_layout.hpp"
#include "transport/storage/hdf5/part_reader.hpp"

namespace locum::storage {

/// What the file says that the user named.
struct MasterFile : CheckpointContents {
  std::string store;           ///< its name, as dataset_path() writes it; empty if that is not known
  std::uint64_t time_ns = 0;   ///< when it was written, since 1970, and later than all that its series had
                               ///< then, whatever the clock said; 0 if that is not known
  bool rolling = false;        ///< to be removed when newer ones of its series are there
  bool xdmf = false;           ///< the file of that name was written with it
  std::vector<FileRow> files;  ///< shared files of its parts, ascending
};

/// The file that makes a checkpoint of its parts. The constructor makes it by HDF5, with links to all
/// datasets of the parts, as if they were in this file, while the parts are in progress. The checkpoint
/// exists when publish() returns, which calls no HDF5, and replaces an older one of that path. Throws Error.
class MasterWriter {
 public:
  /// REQUIRES: the PartWriter of each part is made.
  /// \param written its shared files are found in the parts, which are in progress, or have their names
  MasterWriter(const std::string& path, MasterFile written);
  /// REQUIRES: all parts are on the disk, under their names.
  void publish();
  [[nodiscard]] const MasterFile& master() const noexcept { return master_; }

 private:
  MasterFile master_;
  DurableFile file_;
  std::optional<DurableFile> xdmf_;
};
/// Reads it. Throws Error: `not_found`, `corrupt` (not a checkpoint, or damaged), `unsupported` (of a newer
/// version of this library), `system`.
[[nodiscard]] MasterFile read_master(const std::string& path);
/// MasterFile::time_ns, without the rest; 0 for what is no checkpoint, or cannot be read.
[[nodiscard]] std::uint64_t time_of_checkpoint(const std::string& path) noexcept;
/// One of its parts.
[[nodiscard]] PartReader open_part(const MasterFile& master, std::size_t part);
/// The same with the rows of PartReader::packed().
[[nodiscard]] PartReader open_part(const MasterFile& master, std::size_t part,
                                   std::span<const std::byte> packed);

/// The names of its files in the folder of parts, the shared ones among them, sorted.
[[nodiscard]] std::vector<std::string> part_names(const MasterFile& master);

/// Removes the files of checkpoints in the folder of parts, but those of these names; the folder too, if it
/// is empty then. Other files stay.
void remove_other_parts(const std::string& path, const std::vector<std::string>& sorted) noexcept;
/// Removes the files in the folder of parts that are in progress, and those of these names; the folder too,
/// if it is empty then. Other files stay.
void remove_unfinished_parts(const std::string& path, const std::vector<std::string>& sorted) noexcept;

// Of all files of a checkpoint.

/// Opens a file to be read.
[[nodiscard]] Identifier open_hdf5(const std::string& path);
/// Checks the format.
[[nodiscard]] CheckpointFacts read_facts(const Identifier& file, const std::string& path);
/// All rows of a table, if their type is the right one, and the file has so many.
template <class Row>
void read_rows(const Identifier& file, const std::string& file_path, const char* path,
               std::vector<Row>& rows) {
  const std::string what = std::string("reading the table '") + path + "' of '" + file_path + "'";
  const Identifier dataset(H5Dopen2(file.get(), path, H5P_DEFAULT), H5Dclose, what);
  const Identifier space(H5Dget_space(dataset.get()), H5Sclose, what);
  const Identifier stored(H5Dget_type(dataset.get()), H5Tclose, what);
  const Identifier type = row_type(rows.data());
  const hssize_t count = H5Sget_simple_extent_npoints(space.get());
  const hsize_t bytes = H5Dget_storage_size(dataset.get());
  if (count < 0 || bytes / sizeof(Row) != static_cast<hsize_t>(count) || bytes % sizeof(Row) != 0 ||
      bytes > bytes_of_file(file) || H5Tequal(stored.get(), type.get()) <= 0) {
    throw Error(Errc::corrupt, what + " failed: it is not a table of this kind");
  }
  rows.resize(static_cast<std::size_t>(count));
  if (count > 0) {
    check(H5Dread(dataset.get(), type.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, rows.data()), what);
  }
}

}  // namespace locum::storage
