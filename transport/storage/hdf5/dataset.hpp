#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/mutex.hpp"
#include "transport/storage/hdf5/identifier.hpp"

namespace locum::storage {

/// Held while parts of files are read by HDF5: where HDF5 is not built for several threads, those that read
/// such parts take turns.
[[nodiscard]] Mutex& hdf5_mutex();

/// An open dataset of a file that anybody may have written.
struct Dataset {
  Identifier file;
  Identifier dataset;
  Identifier type;
  std::vector<std::uint64_t> extents;  ///< none: one element
};

/// Opens a file to be read. Throws Error: `not_found`, `corrupt` (no HDF5 file), `system`.
[[nodiscard]] Identifier open_file(const std::string& path);
/// Opens it to be read. Throws Error: `not_found` (no such file, or no such dataset in it), `corrupt` (no
/// HDF5 file), `unsupported` (more dimensions than an object has), `system`, with HDF5's text.
[[nodiscard]] Dataset open_dataset(const std::string& path, const std::string& dataset);

/// HDF5's type in memory for the elements of an array, by their canonical name: `f64`, `i32` … Throws Error
/// `unsupported` for what is no number, or is a long double.
[[nodiscard]] hid_t number_in_memory(std::string_view name);
/// The canonical name of the numbers of a dataset, or words that describe what it has instead.
[[nodiscard]] std::string describe(const Identifier& type);

}  // namespace locum::storage
