#pragma once

#include <memory>

#include <locum/format.hpp>

namespace locum::storage {

/// Returns the format of files without a format: the elements of one array, row-major and in the byte order
/// of this machine. Without the options `type` and `extents` a file is loaded as an array of `u8`. A mapped
/// file is not copied.
[[nodiscard]] std::shared_ptr<const Format> bytes_format();

}  // namespace locum::storage
