#pragma once

#include <pybind11/pybind11.h>

namespace locum::python {

/// Adds `decode_record(memory, copy)` to the module: the value of a stored Record, whose bytes are an array
/// of uint8. Its arrays are shown in the memory, and keep it, or are copies. CorruptError: the bytes are not
/// trusted.
void define_record_reader(pybind11::module_& module);

}  // namespace locum::python
