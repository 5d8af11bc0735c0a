#pragma once

#include <memory>

#include "core/format.hpp"

namespace locum::storage {

/// Returns the format of `.npy` files: one array, as NumPy saves it. Needs no library.
///
/// Loads versions 1.0, 2.0 and 3.0. Numbers of either byte order become an array, of the extents that NumPy
/// shows; one of Fortran's order is shown by strides. Elements in the order of this machine are read straight
/// to the memory that is made for them; those of a mapped file stay there, if they are aligned, and are not
/// read (but for those of `bool`, which have to be 0 or 1). Texts (`U`, `S`) become a text, or lists of
/// texts; those of `S` are not checked to be UTF-8. A structured array becomes members, one for each field,
/// without titles and padding. Bytes behind the array are ignored, as NumPy does.
///
/// Saves arrays, numbers, texts, and lists of numbers or of texts that are an array; an empty list as an
/// array of `f64`, as NumPy does. `byte` becomes NumPy's uint8, `char` its S1. Python's objects are never
/// loaded.
[[nodiscard]] std::shared_ptr<const Format> npy_format();

}  // namespace locum::storage
