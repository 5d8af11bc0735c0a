#pragma once

#include <memory>

#include <locum/format.hpp>

namespace locum::storage {

/// Returns the format of files of one stored Record, of every kind of value exactly: the bits of numbers, the
/// types and extents of arrays, texts that are no UTF-8, stand-ins. Any change of a file is found.
[[nodiscard]] std::shared_ptr<const Format> record_format();

}  // namespace locum::storage
