#pragma once

#include "core/record.hpp"
#include "transport/storage/formats/h5/h5_options.hpp"
#include "transport/storage/formats/h5/h5_tree.hpp"

namespace locum::storage {

/// Returns the attributes of a group or dataset, as members; null if there are none. Throws Error:
/// `unsupported`, `corrupt`, `system`. REQUIRES: a turn of HDF5.
[[nodiscard]] Record read_h5_attributes(const Identifier& object, const H5Options& options, bool is_info,
                                        H5Budget& budget);

}  // namespace locum::storage
