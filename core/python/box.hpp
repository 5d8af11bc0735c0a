#pragma once

#include <pybind11/pybind11.h>

#include <locum/locum.h>

namespace locum::python {

/// Returns the box of (start, count, stride), tuples; the whole array for None. ValueError if their lengths
/// differ, and for more than 8 dimensions.
[[nodiscard]] locum_box box_of(const pybind11::object& box);

}  // namespace locum::python
