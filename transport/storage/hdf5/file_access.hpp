#pragma once

#include <cstdint>
#include <string>

#include "transport/storage/hdf5/identifier.hpp"
#include "transport/storage/lock_state.hpp"

/// How HDF5 opens files, and locks them: by flock(), which some file systems do not have (NFS without its
/// lock service, Lustre mounted without `flock`). HDF5 then opens nothing. REQUIRES of all: hdf5_mutex() is
/// held.
namespace locum::storage {

/// Properties by which files are made: in the format of HDF5 1.8.
[[nodiscard]] Identifier new_access(const std::string& what);

/// Makes a file that nobody else knows yet, so that HDF5 need not lock it. Datasets of `aligned_from` bytes
/// or more begin at multiples of 4096; 0: none do. Throws Error `system`.
[[nodiscard]] Identifier create_unlocked(const std::string& path, std::uint64_t aligned_from = 0);

/// Opens a file, with HDF5's lock if its file system has locks. `access`: its properties. Throws Error
/// `system`, which names the remedy where that is locks that do not exist.
[[nodiscard]] Identifier open_with_lock(const std::string& path, unsigned flags, const Identifier& access,
                                        const std::string& what);
[[nodiscard]] Identifier open_to_read(const std::string& path, const std::string& what);

/// Properties by which a dataset is opened under that name, which may be a link to another file: that is
/// opened as open_to_read() does. `path`: that of the file.
[[nodiscard]] Identifier dataset_access(const Identifier& file, const std::string& path,
                                        const std::string& name);

}  // namespace locum::storage
