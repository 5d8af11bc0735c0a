#pragma once

#include "core/c/locum.h"

namespace locum::fortran {

/// Copies one number to a scalar of another type of numbers, if that holds exactly the same number: as in C++
/// Record::as() does, since what a text such as JSON holds has no type of its own. Returns false otherwise.
bool convert_number(const locum_array& from, const locum_array& into) noexcept;

/// Memory for one number of 16 bytes at most.
struct NumberMemory {
  alignas(16) unsigned char bytes[16];
};
/// Describes a scalar as the values of a Record are: integers with 8 bytes, reals and complex numbers of
/// double precision, in `memory`; anything else as it is. What is stored so is a number for other languages,
/// and convert_number() inverts it.
locum_array as_record_number(const locum_array& value, NumberMemory& memory) noexcept;

}  // namespace locum::fortran
