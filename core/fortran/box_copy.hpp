#pragma once

#include <cstddef>

#include "core/c/locum.h"

namespace locum::fortran {

/// Copies an array without gaps, or a box of it, to memory of the same type and rank, whose extents are those
/// of the array, or the count of the box. LOCUM_INVALID_ARGUMENT if they are not, or the box is not within
/// the array; the text has extents and indices as Fortran lists them. `element_bytes`: of one element of
/// both.
locum_status copy_box(const locum_array& from, const locum_box& box, const locum_array& into,
                      std::size_t element_bytes) noexcept;

}  // namespace locum::fortran
