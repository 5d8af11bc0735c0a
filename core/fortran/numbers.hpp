#pragma once

#include "core/c/locum.h"

namespace locum::fortran {

/// Copies one number to a scalar of another type of numbers, if that holds exactly the same number: as in C++
/// Record::as() does, since what a text such as JSON holds has no type of its own. Returns false otherwise.
bool convert_number(const locum_array& from, const locum_array& into) noexcept;

}  // namespace locum::fortran
