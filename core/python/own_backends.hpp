#pragma once

#include <pybind11/pybind11.h>

namespace locum::python {

/// Adds `register_backend`.
void define_own_backends(pybind11::module_& module);

}  // namespace locum::python
