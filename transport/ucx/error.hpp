#pragma once

#include <ucs/type/status.h>

#include <string>

#include "core/value/error.hpp"

namespace locum::ucx {

/// Converts an error of UCX; UCX's own text is the detail. `text` says what was tried and what to do next.
[[nodiscard]] Error to_error(ucs_status_t status, std::string text);

/// Throws unless `status` is UCS_OK, never `peer_lost`. For set-up.
void check(ucs_status_t status, const char* text);

}  // namespace locum::ucx
