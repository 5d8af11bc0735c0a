#pragma once

#include "core/c/locum.h"

namespace locum::fortran {

// refuse() and outcome() are shown by liblocum_fortran.so, which keeps the texts, to liblocum_fortran_mpi.so.

/// Keeps a text for locum_error_message() of Fortran in this thread, and returns the status. The text begins
/// with the status's name, as those of the library do. `format` is that of printf.
[[gnu::format(printf, 2, 3)]] LOCUM_API locum_status refuse(locum_status status, const char* format,
                                                            ...) noexcept;

/// Returns the text of this thread's last refuse(), without the status's name.
const char* refusal() noexcept;

/// Returns the outcome of a call of the C interface, whose text is that of the calling thread's last error.
LOCUM_API locum_status outcome(locum_status status) noexcept;

}  // namespace locum::fortran
