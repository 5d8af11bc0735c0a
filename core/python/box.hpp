#pragma once

#include <pybind11/pybind11.h>

#include <locum/locum.h>

namespace locum::python {

/// Returns the box of (start, count, stride), tuples of one length; the whole array for None.
[[nodiscard]] locum_box box_of(const pybind11::object& box);

}  // namespace locum::python
