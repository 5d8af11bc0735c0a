#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <cstdint>
#include <memory>

#include <locum/locum.h>

#include "core/python/pin.hpp"

namespace locum::python {

/// What a serialiser or a codec wrote: its bytes, in place, and of what they are.
struct Encoded {
  pybind11::object bytes;  ///< a read-only array of uint8 in the memory of the store
  pybind11::str type_name;
};

/// Returns a NumPy array on memory that `owner` keeps; row-major if the strides are 0. \param element_bytes
/// of LOCUM_CLASS
[[nodiscard]] pybind11::object array_over(const locum_array& array, std::int64_t element_bytes,
                                          pybind11::object owner, bool is_writable);
/// Returns the object that keeps the memory of an array; a borrowed reference.
[[nodiscard]] pybind11::handle memory_owner(const pybind11::object& array);
/// Returns whether others than the caller refer to the array, to a part of it, or to its memory.
[[nodiscard]] bool has_other_users(const pybind11::object& array);
/// Returns what an object is in Python: an array in the memory of the store, a number, a str, bytes, or an
/// Encoded.
[[nodiscard]] pybind11::object object_of(std::unique_ptr<Pin> pin);
/// Returns all bytes of an object, in place.
[[nodiscard]] pybind11::object bytes_of(std::unique_ptr<Pin> pin);
/// Describes a NumPy array for the C interface. ValueError for more than 8 dimensions, and if all strides are
/// 0 and there are several elements. REQUIRES: both arguments outlive the result; `type` is that of the
/// array's elements.
[[nodiscard]] locum_array described(const pybind11::array& array, int type, const char* type_name);

void define_encoded(pybind11::module_& module);

}  // namespace locum::python
