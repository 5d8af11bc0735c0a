#pragma once

#include "core/format.hpp"
#include "transport/storage/formats/h5/h5_options.hpp"

namespace locum::storage {

/// Saves a value as an HDF5 file. Throws Error: `type_mismatch`, `invalid_argument`, `system`.
void save_h5(const Record& value, FileDraft& draft, const H5Options& options);

}  // namespace locum::storage
