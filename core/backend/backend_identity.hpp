#pragma once

#include <cstdint>

#include "core/ports/backend.hpp"
#include "core/value/result.hpp"

namespace locum {

/// The identity of all that a backend keeps, which its handles carry: a random number that who used it first
/// has stored.
[[nodiscard]] Result<std::uint64_t> identity_of(Backend& backend, Deadline deadline);

}  // namespace locum
