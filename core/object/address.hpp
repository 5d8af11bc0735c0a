#pragma once

#include <locum/detail/object/object.hpp>
#include <locum/handle.hpp>

namespace locum {

/// Returns the address of the object that a handle identifies.
[[nodiscard]] inline Address addressed(const Handle& handle) noexcept {
  return {handle.key, handle.name_hash, handle.size_bytes};
}

}  // namespace locum
