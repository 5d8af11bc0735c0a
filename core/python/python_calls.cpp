#include "core/python/python_calls.hpp"

#include <exception>
#include <string>

#include "core/python/exit_gate.hpp"
#include "core/python/unlocked.hpp"

namespace py = pybind11;

namespace locum::python {

namespace {

locum_status failed_in_python(py::handle methods, const char* function, const py::error_already_set& error) {
  py::object exception = error.value();
  if (error.trace()) {
    (void)PyException_SetTraceback(exception.ptr(), error.trace().ptr());
  }
  const py::tuple told = called(methods, "failed", py::make_tuple(function, exception));
  const auto status = told[0].cast<int>();
  const auto text = told[1].cast<std::string>();
  return locum_fail(static_cast<locum_status>(status), text.c_str());
}

locum_status failed_beyond_python(const char* function, const char* text) {
  return locum_fail(LOCUM_SYSTEM, (std::string(function) + " in Python failed: " + text).c_str());
}

locum_status status_of_call(py::handle methods, const char* function,
                            const std::function<void(py::handle methods)>& body) {
  try {
    try {
      body(methods);
      return LOCUM_OK;
    } catch (const py::error_already_set& error) {
      return failed_in_python(methods, function, error);
    }
  } catch (const std::exception& error) {  // of a conversion, or of failed()
    return failed_beyond_python(function, error.what());
  }
}

}  // namespace

py::object called(py::handle methods, const char* function, const py::tuple& arguments) {
  const py::object method = methods.attr(function);
  PyObject* const result =
      with_thread_kept([&] { return PyObject_CallObject(method.ptr(), arguments.ptr()); });
  if (result == nullptr) {
    throw py::error_already_set();
  }
  return py::reinterpret_steal<py::object>(result);
}

bool with_interpreter(const std::function<void()>& body) {
  ExitGate& gate = ExitGate::of_process();
  if (!gate.enter()) {
    return false;
  }
  const PyGILState_STATE state = with_thread_kept([] { return PyGILState_Ensure(); });
  body();
  PyGILState_Release(state);
  gate.leave();
  return true;
}

locum_status PythonCode::call(const char* function,
                              const std::function<void(py::handle methods)>& body) const {
  locum_status status = LOCUM_CLOSED;
  const bool is_called = with_interpreter([&] { status = status_of_call(methods_, function, body); });
  return is_called ? status
                   : locum_fail(LOCUM_CLOSED,
                                "the interpreter ends, and this takes code in Python; do it before that");
}

void PythonCode::end(const char* function) noexcept {
  (void)with_interpreter([&] {
    PyObject* const result =
        with_thread_kept([&] { return PyObject_CallMethod(methods_, function, nullptr); });
    if (result == nullptr) {
      PyErr_WriteUnraisable(methods_);
    }
    Py_XDECREF(result);
    Py_DECREF(methods_);
  });
}

}  // namespace locum::python
