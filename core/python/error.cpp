#include "core/python/error.hpp"

#include <array>
#include <cstring>
#include <string>

namespace py = pybind11;

namespace locum::python {

namespace {

// Never released: they are used until the interpreter is gone.
std::array<PyObject*, LOCUM_VALUE_TOO_LARGE + 1> exceptions{};
PyObject* exception_of_failure = nullptr;
const char* mark_of_failures = nullptr;

}  // namespace

py::object exception_of(locum_status status, const char* text) {
  PyObject* kind = exceptions.at(static_cast<std::size_t>(status));
  if (kind == nullptr) {
    kind = PyExc_RuntimeError;
  }
  const auto message = py::reinterpret_steal<py::object>(
      PyUnicode_DecodeUTF8(text, static_cast<Py_ssize_t>(std::strlen(text)), "backslashreplace"));
  if (!message) {
    throw py::error_already_set();
  }
  if (exception_of_failure != nullptr && std::strstr(text, mark_of_failures) != nullptr) {
    return py::handle(exception_of_failure)(py::handle(kind), message);
  }
  return py::handle(kind)(message);
}

void raise(locum_status status, const char* text) {
  const py::object exception = exception_of(status, text);
  PyErr_SetObject(py::type::handle_of(exception).ptr(), exception.ptr());
  throw py::error_already_set();
}

void raise(locum_status status) {
  raise(status, locum_error_message());
}

void define_errors(py::module_& module) {
  module.def("set_errors", [](const py::sequence& classes) {
    for (std::size_t at = 1; at < exceptions.size(); ++at) {
      exceptions.at(at) = py::object(classes[at]).release().ptr();
    }
  });
  module.def("set_failures", [](const py::str& mark, py::object function) {
    static const std::string kept = mark;
    mark_of_failures = kept.c_str();
    exception_of_failure = function.release().ptr();
  });
  // For the module of MPI, which has the statuses only.
  module.def("raise_status", [](int status, const std::string& text) {
    raise(static_cast<locum_status>(status), text.c_str());
  });
  module.def("status_name", [](int status) { return locum_status_name(status); });
  module.attr("last_status") = static_cast<int>(LOCUM_VALUE_TOO_LARGE);
}

}  // namespace locum::python
