#pragma once

#include <cstdint>

#include "core/record.hpp"
#include "transport/storage/formats/h5/h5_options.hpp"
#include "transport/storage/formats/h5/h5_tree.hpp"

namespace locum::storage {

/// The most texts of one attribute. HDF5 has no limit for the memory of those that are loaded, all of which
/// may be one long text of the file.
inline constexpr std::uint64_t h5_most_attribute_texts = 1024;

/// Returns the attributes of a group or dataset, as members; null if there are none. Throws Error:
/// `unsupported`, `corrupt`, `system`. REQUIRES: a turn of HDF5.
[[nodiscard]] Record read_h5_attributes(const Identifier& object, const H5Options& options, bool is_info,
                                        H5Budget& budget);

}  // namespace locum::storage
