#include "transport/storage/hdf5/checkpoint_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "core/value/error.hpp"
#include "transport/storage/hdf5/errors.hpp"
#include "transport/storage/hdf5/master_file.hpp"

namespace locum::storage {

void require_file(const std::string& path, std::uint64_t bytes) {
  struct stat on_disk {};
  if (::stat(path.c_str(), &on_disk) != 0) {
    throw errno == ENOENT
        ? Error(Errc::not_found, "the file '" + path +
                                     "' of this checkpoint does not exist; copy a checkpoint with its "
                                     "folder, and restore where all ranks can read it")
        : file_error("opening", path, errno);
  }
  if (static_cast<std::uint64_t>(on_disk.st_size) != bytes) {
    throw file_damaged(path, "it has " + std::to_string(on_disk.st_size) + " bytes, and should have " +
                                 std::to_string(bytes));
  }
}

CheckpointFile::CheckpointFile(const std::string& path, std::uint64_t id, std::uint64_t bytes) : path_(path) {
  const Hdf5Turn turn;
  require_file(path, bytes);
  Identifier opened = open_hdf5(path);
  if (read_facts(opened, path).id != id) {
    throw file_damaged(path, "it belongs to another checkpoint");
  }
  file_ = open_at(AT_FDCWD, path, O_RDONLY | O_NONBLOCK);
  if (!file_.is_open()) {
    throw file_error("opening", path, errno);
  }
  hdf5_ = std::move(opened);
}

CheckpointFile::~CheckpointFile() {
  if (file_.is_open()) {
    const MutexLock lock(hdf5_mutex());
    hdf5_ = {};
  }
}

// The table of the file has it: what HDF5 itself knows of it is damaged.
Identifier CheckpointFile::open_dataset(const std::string& dataset) const {
  try {
    return {H5Dopen2(hdf5_.get(), dataset.c_str(), H5P_DEFAULT), H5Dclose, "opening a dataset"};
  } catch (const Error& error) {
    throw file_damaged(path_, "HDF5 cannot open its dataset '" + dataset + "'", error.text());
  }
}

std::optional<std::uint64_t> CheckpointFile::find(const std::string& dataset, std::uint64_t bytes) const {
  const Hdf5Turn turn;
  const std::string what = "reading an object from '" + path_ + "'";
  const Identifier opened = open_dataset(dataset);
  const Identifier type(H5Dget_type(opened.get()), H5Tclose, what);
  const Identifier space(H5Dget_space(opened.get()), H5Sclose, what);
  const auto elements =
      static_cast<std::uint64_t>(std::max<hssize_t>(H5Sget_simple_extent_npoints(space.get()), 0));
  const std::uint64_t element_bytes = H5Tget_size(type.get());
  if (element_bytes == 0 || elements != bytes / element_bytes || bytes % element_bytes != 0) {
    throw file_damaged(path_, "the dataset '" + dataset + "' is of another size than in the table");
  }
  const Identifier creation(H5Dget_create_plist(opened.get()), H5Pclose, what);
  if (H5Pget_layout(creation.get()) == H5D_CHUNKED) {
    return std::nullopt;
  }
  const haddr_t offset = H5Dget_offset(opened.get());
  if (bytes > 0 && offset == HADDR_UNDEF) {
    throw file_damaged(path_, "the dataset '" + dataset + "' has no bytes");
  }
  return offset;
}

void CheckpointFile::read_chunks(const std::string& dataset, std::span<std::byte> bytes) const {
  const Hdf5Turn turn;
  const Identifier opened = open_dataset(dataset);
  require_filter_of(opened);
  if (!read_bytes(opened, bytes)) {
    throw file_damaged(path_, "HDF5 cannot read its dataset '" + dataset + "'");
  }
}

Chunking CheckpointFile::chunking(const std::string& dataset) const {
  const Hdf5Turn turn;
  return chunking_of(open_dataset(dataset));
}

}  // namespace locum::storage
