#pragma once

#include <pybind11/pybind11.h>

#include <functional>

#include <locum/locum.h>

namespace locum::python {

/// Code in Python that the library calls: an object with methods, and `failed(function, exception)`, which
/// returns the status and the text of the error with which a call ends that has raised an exception. Keeps
/// the object until end(), if that is called: what the library has registered stays as long as the process.
class PythonCode {
 public:
  explicit PythonCode(pybind11::object methods) noexcept : methods_(methods.release().ptr()) {}

  /// Calls `body` with the methods and the interpreter's lock, on any thread, which may have the lock or not.
  /// Returns the status of an exception, with its text as this thread's error: LOCUM_CLOSED at the end of the
  /// interpreter.
  locum_status call(const char* function, const std::function<void(pybind11::handle methods)>& body) const;
  /// Calls the method `function` for the last time, and releases the methods. An exception is printed. Does
  /// nothing at the end of the interpreter.
  void end(const char* function) noexcept;

 private:
  PyObject* methods_;
};

/// Returns what a method returns, as an attribute of pybind11 does; at the end of the interpreter, which
/// waits for code in Python for some seconds only, the thread may stop there for ever.
pybind11::object called(pybind11::handle methods, const char* function, const pybind11::tuple& arguments);

/// Calls `body` with the interpreter's lock. Returns false, and calls nothing, at the end of the interpreter.
bool with_interpreter(const std::function<void()>& body);

}  // namespace locum::python
