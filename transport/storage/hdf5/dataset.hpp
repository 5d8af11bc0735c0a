#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/mutex.hpp"
#include "transport/storage/hdf5/identifier.hpp"

namespace locum::storage {

/// Held by whoever calls HDF5, for checkpoints, steps, records or parts of files: threads take turns, whether
/// HDF5 is built for several or not. Not recursive. Comes before QuietErrors, whose effect is on all threads
/// where it is not.
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

/// Reads all elements of a dataset as they are in the file. False: HDF5 cannot, its elements are not their
/// bytes, or they are not as many. REQUIRES: hdf5_mutex() is held.
[[nodiscard]] bool read_bytes(const Identifier& dataset, std::span<std::byte> into);

/// HDF5's type in memory for the elements of an array, by their canonical name: `f64`, `i32`, `c128` … Throws
/// Error `unsupported` for what is no number, or is a long double.
[[nodiscard]] Identifier number_in_memory(std::string_view name);
/// HDF5's type of complex numbers, as h5py has them: a compound `r`, `i` of that type.
[[nodiscard]] Identifier complex_type(hid_t component);
/// Whether numbers of the one type are those of the other but for the order of their bytes.
[[nodiscard]] bool equal_but_for_order(const Identifier& stored, const Identifier& native);
/// The canonical name of the numbers of a dataset, or words that describe what it has instead.
[[nodiscard]] std::string describe(const Identifier& type);

}  // namespace locum::storage
