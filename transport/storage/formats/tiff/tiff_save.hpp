#pragma once

#include "core/format.hpp"

namespace locum::storage {

/// Writes a file of TIFF; see tiff_format().
[[nodiscard]] Result<void> save_tiff(const Record& value, FileDraft& draft, const Record& options);

}  // namespace locum::storage
