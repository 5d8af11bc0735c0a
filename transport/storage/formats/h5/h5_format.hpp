#pragma once

#include <memory>

#include "core/format.hpp"

namespace locum::storage {

/// Returns the format of HDF5 files. Needs HDF5 1.10 or later, serial or parallel.
///
/// Loads groups as members, in the order in which they were made if the file knows it, else by name; datasets
/// as arrays, numbers and texts. With `dataset = "fields/T"` it loads that one alone, and reads nothing of
/// the others. Truth values and complex numbers are those of h5py; other enumerations, and bit fields, are
/// their integers; compounds are members, a column for each field; no extents at all (H5S_NULL) is an array
/// without elements. Elements that lie one after the other are read straight into their memory, without
/// HDF5; a mapped file shows them in place.
///
/// The file is not trusted: HDF5 reads it by a driver that opens nothing else, and without plugins. Links to
/// other files, elements in other files, references, sequences of different lengths are `unsupported`, or
/// left out with `skip = true`.
///
/// Saves members as groups, arrays and numbers as datasets, texts as variable UTF-8, bytes as opaque. Equal
/// values make equal bytes. Arrays of 512 bytes and more begin at multiples of 64.
[[nodiscard]] std::shared_ptr<const Format> h5_format();

}  // namespace locum::storage
