#pragma once

#include <cstddef>
#include <string>

#include "core/archive.hpp"

namespace locum {

/// Returns the levels of a list, or of members, that contain a value of these levels; 0 is a value that
/// contains no others. Throws Error (`invalid_argument`) if they are too many.
[[nodiscard]] inline std::size_t nesting_within(std::size_t levels) {
  if (levels >= max_nesting) {
    throw Error(Errc::invalid_argument, "lists and members of a Record nest at most " +
                                            std::to_string(max_nesting) + " levels deep; store them flatter");
  }
  return levels + 1;
}

}  // namespace locum
