#pragma once

#include <memory>

#include <locum/format.hpp>

namespace locum::storage {

/// Returns the format of texts: UTF-8, checked, and byte by byte as it is: neither a byte order mark nor ends
/// of lines change.
[[nodiscard]] std::shared_ptr<const Format> text_format();

}  // namespace locum::storage
