#pragma once

#include <string_view>

namespace locum {

/// Returns the version of the library that is linked, as "major.minor.patch".
[[nodiscard]] std::string_view version() noexcept;

}  // namespace locum
