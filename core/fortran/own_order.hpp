#pragma once

#include <cstddef>

namespace locum::fortran {

/// Copies a text of the library, and gives extents and indices in it as Fortran has them: of "2 x 3" it makes
/// "3 x 2", of "[1, 2] (counted from 0)" "(3, 2)". Leaves the name of the object as it is. Returns the
/// length, which may be above `capacity`: what is behind it is left out.
std::size_t in_own_order(const char* text, char* into, std::size_t capacity) noexcept;

}  // namespace locum::fortran
