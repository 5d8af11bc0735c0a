#pragma once

#include <pybind11/pybind11.h>

#include <locum/locum.h>

namespace locum::python {

/// Throws the Python exception of a status, with the text of this thread's last error. REQUIRES: the call
/// that returned the status was this thread's last one.
[[noreturn]] void raise(locum_status status);
/// The same, with a text of the module's own, which begins with the name of the status.
[[noreturn]] void raise(locum_status status, const char* text);
inline void check(locum_status status) {
  if (status != LOCUM_OK) {
    raise(status);
  }
}

/// Adds `set_errors(classes)` to the module: a sequence of the exceptions, by status.
void define_errors(pybind11::module_& module);

}  // namespace locum::python
