#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <cstdint>
#include <string_view>

namespace locum::python {

/// Returns NumPy's type of elements with the number `type`, a locum_type; of LOCUM_CLASS, bytes: `V48`. A
/// reference that lives as long as the process, but for LOCUM_CLASS.
/// \param bytes of one element of LOCUM_CLASS
[[nodiscard]] pybind11::object dtype_of(std::int32_t type, std::int64_t bytes);

/// Returns the number of the element type that C++ calls so, as `f64` or, of a class, `particle{48}`, and
/// sets the bytes of an element; -1: there is none.
[[nodiscard]] std::int32_t type_of_elements(std::string_view name, std::int64_t& bytes);

/// Adds `dtypes` to the module: NumPy's types by the number of the element type. REQUIRES: NumPy is there.
void define_element_types(pybind11::module_& module);

}  // namespace locum::python
