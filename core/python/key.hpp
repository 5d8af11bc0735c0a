#pragma once

#include <pybind11/pybind11.h>

#include <locum/locum.h>

namespace locum::python {

/// Adds the class `Key` to the module: the identity of one object, of 16 bytes; hashable, may be pickled.
void define_key(pybind11::module_& module);

}  // namespace locum::python
