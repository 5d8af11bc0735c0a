#pragma once

#include "core/format.hpp"
#include "transport/storage/formats/npy/npy_options.hpp"

namespace locum::storage {

/// What was in a `.npy` file, or in a part of a `.npz` file that is like one.
struct NpyLoaded {
  Record value;
  bool is_in_place = false;  ///< the elements are those of the mapped file: none of them was read
};

/// Loads an array, reading the file from its beginning to its end. See npy_format().
[[nodiscard]] Result<NpyLoaded> load_npy(FileBytes& file, const NpyOptions& options, const MakeArray& make);
/// Returns `type` and `extents` of the array, or of each field of a structured type. Reads the header only.
[[nodiscard]] Result<Record> npy_info(FileBytes& file);

}  // namespace locum::storage
