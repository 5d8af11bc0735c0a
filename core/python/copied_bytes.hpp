#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <cstddef>

namespace locum::python {

/// Returns a `bytes` with a copy of `size` bytes. A large one is in huge pages where the system has them for
/// who asks (`madvise`), as NumPy's arrays are, and copied without the interpreter's lock. REQUIRES: nobody
/// writes to the memory meanwhile.
[[nodiscard]] pybind11::bytes copied_bytes(const void* data, std::size_t size);

void define_copied_bytes(pybind11::module_& module);

}  // namespace locum::python
