#pragma once

#include <pybind11/pybind11.h>

namespace locum::python {

/// Adds the classes Shards, Shard and Epochs, whose calls are those of the C interface: they release the
/// interpreter's lock, and raise the exceptions of the package.
void define_shards(pybind11::module_& module);

}  // namespace locum::python
