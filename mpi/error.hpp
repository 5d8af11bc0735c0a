#pragma once

#include <string>

#include "core/ports/together.hpp"

namespace locum::mpi {

/// MPI's own text for a return code.
[[nodiscard]] std::string error_text(int code);

/// Throws Error `system` with MPI's own text if `code`, returned by the MPI function `call`, is not success.
void check(int code, const char* call);

using together::error_of;
using together::gathered;
using together::throw_if;
using together::values_of;

/// For destructors: reports a failure on stderr and goes on.
void warn(int code, const char* call) noexcept;

/// Why this thread may not call MPI now, as text for a person: not initialised yet, already finalised, or the
/// thread level leaves MPI to the main thread. nullptr if it may. Any thread, at any time.
[[nodiscard]] const char* why_unusable() noexcept;

}  // namespace locum::mpi
