#pragma once

#include <string>
#include <vector>

#include "core/c/locum.h"
#include "core/value/result.hpp"

namespace locum::c {

/// Gives names to the caller, who releases them; or returns the error.
[[nodiscard]] locum_status give_names(Result<std::vector<std::string>>&& found, locum_names& names);

}  // namespace locum::c
