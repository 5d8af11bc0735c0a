#pragma once

#include <pybind11/pybind11.h>

#include <locum/locum.h>

namespace locum::python {

/// Returns the Python exception of a status, with a text that begins with the name of the status. If the text
/// names an exception of code in Python that the library has called, this is its cause, or the exception
/// itself where that is none of a program, as KeyboardInterrupt.
[[nodiscard]] pybind11::object exception_of(locum_status status, const char* text);
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

/// Adds `set_errors(classes)` to the module, a sequence of the exceptions, by status; and `set_failures(mark,
/// function)`, which makes an exception of its class and a text that has `mark` in it.
void define_errors(pybind11::module_& module);

}  // namespace locum::python
