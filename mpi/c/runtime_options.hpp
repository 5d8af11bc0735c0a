#pragma once

#include "core/value/options.hpp"
#include "core/value/result.hpp"
#include "mpi/c/locum_mpi.h"

namespace locum::c {

/// Returns the options, which refer to the caller's texts; `invalid_argument` for a number that is no
/// option's. Both throw Error `unsupported` for options of a later version.
[[nodiscard]] Result<RuntimeOptions> runtime_options(const locum_runtime_options* options);
[[nodiscard]] StoreOptions store_options(const locum_store_options& options);

}  // namespace locum::c
