#pragma once

#include <algorithm>

#include "core/ports/backend.hpp"

namespace locum::storage {

/// The traits of two backends under one: those of the first, and names that both can hold.
[[nodiscard]] inline BackendTraits names_of_both(BackendTraits first, const BackendTraits& second) noexcept {
  first.longest_name = std::min(first.longest_name, second.longest_name);
  first.name_bytes = std::max(first.name_bytes, second.name_bytes);  // in the order of NameBytes, ever fewer
  return first;
}

}  // namespace locum::storage
