#include "core/python/name.hpp"

#include <cstring>
#include <string>

namespace py = pybind11;

namespace locum::python {

std::string type_name(py::handle object) {
  return py::type::handle_of(object).attr("__name__").cast<std::string>();
}

Name::Name(py::handle text) {
  if (PyUnicode_Check(text.ptr()) == 0) {
    throw py::type_error("a name or URL is a str, not " + type_name(text));
  }
  Py_ssize_t size = 0;
  first_ = PyUnicode_AsUTF8AndSize(text.ptr(), &size);
  if (first_ == nullptr) {
    PyErr_Clear();
    encoded_ =
        py::reinterpret_steal<py::object>(PyUnicode_AsEncodedString(text.ptr(), "utf-8", "surrogateescape"));
    if (!encoded_) {
      throw py::error_already_set();
    }
    first_ = PyBytes_AS_STRING(encoded_.ptr());
    size = PyBytes_GET_SIZE(encoded_.ptr());
  }
  if (std::strlen(first_) != static_cast<std::size_t>(size)) {
    throw py::value_error("a name or URL may not contain a character 0");
  }
}

py::str text_of(locum_text text) {
  auto decoded = py::reinterpret_steal<py::str>(
      PyUnicode_DecodeUTF8(text.first, static_cast<Py_ssize_t>(text.length), "surrogateescape"));
  if (!decoded) {
    throw py::error_already_set();
  }
  return decoded;
}

}  // namespace locum::python
