#pragma once

#include <pybind11/pybind11.h>

namespace locum::python {

/// Functions of Python that threads of the library call. From the end of the interpreter on none is called: a
/// thread that asked for its lock then would be ended, or wait for ever.
class Callback {
 public:
  /// Takes over a reference to the function. With the interpreter's lock.
  explicit Callback(pybind11::object function) noexcept : function_(function.release().ptr()) {}
  /// Calls the function once, and deletes `callback`, a Callback. Without the interpreter's lock, on any
  /// thread. An exception is printed.
  static void run(void* callback) noexcept;

 private:
  PyObject* function_;
};

/// Adds `stop_callbacks()`, for an exit hook: waits for those that run; later ones are not called.
void define_callbacks(pybind11::module_& module);

}  // namespace locum::python
