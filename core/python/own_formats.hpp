#pragma once

#include <pybind11/pybind11.h>

namespace locum::python {

/// Adds the files that a format in Python loads and saves, and `register_format`.
void define_own_formats(pybind11::module_& module);

}  // namespace locum::python
