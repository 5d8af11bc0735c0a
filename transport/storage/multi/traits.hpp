#pragma once

#include <locum/ports/backend.hpp>

namespace locum::backends {

/// Several backends, whose traits decide its own.
inline constexpr BackendTraits multi{.scheme = "multi", .loads_ends = true};

}  // namespace locum::backends
