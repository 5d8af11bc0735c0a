#pragma once

#include <cstdint>

#include "core/object/object.hpp"

namespace locum {

/// The view of an object of the backend, as one of the store of that number in front: its key leads to the
/// backend.
[[nodiscard]] ObjectView stored_view(ObjectView view, std::uint32_t store);

}  // namespace locum
