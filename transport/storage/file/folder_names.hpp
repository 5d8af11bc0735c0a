#pragma once

#include <string>
#include <vector>

#include "core/value/result.hpp"

namespace locum::storage {

/// The names of all that is in a folder below `at` and is not a folder itself, in ascending order; without
/// those that begin with `.`. A folder that is not there has none. What is there throughout the call is in
/// it, once, even where the file system moves names while they are read.
[[nodiscard]] Result<std::vector<std::string>> names_in_folder(int at, const std::string& folder);

}  // namespace locum::storage
