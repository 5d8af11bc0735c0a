#pragma once

#include "core/c/locum.h"
#include "core/raw_store.hpp"

namespace locum::c {

/// Returns the options of a read; `invalid_argument` for a box that is none.
[[nodiscard]] Result<RawOptions> reading(const locum_read_options* options);

}  // namespace locum::c
