#pragma once

#include <ISO_Fortran_binding.h>

#include "core/c/locum.h"

namespace locum::fortran {

/// Copies what a file or a field holds, or a box of it, to an array, which is `array` in the C interface.
/// `is_member`: whether it is a member, of which a number is converted if that is exact.
locum_status copy_loaded(const locum_array& loaded, const locum_box& box, const CFI_cdesc_t& into,
                         const locum_array& array, bool is_member) noexcept;

}  // namespace locum::fortran
