#include "core/python/object_id.hpp"

#include <string>

namespace py = pybind11;

namespace locum::python {

ObjectId::ObjectId(py::handle id) {
  if (PyUnicode_Check(id.ptr()) != 0) {
    name_.emplace(id);
  } else if (py::isinstance<locum_key>(id)) {
    key_ = id.cast<const locum_key&>();
  } else {
    throw py::type_error("an object is found by a str, its name, or by a locum.Key, not by " + type_name(id));
  }
}

}  // namespace locum::python
