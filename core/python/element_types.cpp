#include "core/python/element_types.hpp"

#include <array>
#include <string>

#include <locum/locum.h>

namespace py = pybind11;

namespace locum::python {

namespace {

// Never released: arrays are made until the interpreter is gone.
std::array<PyObject*, LOCUM_ENCODED> dtypes{};

struct Named {
  locum_type type;
  const char* numpy;
};

constexpr std::array<Named, 15> numpy_names{{{LOCUM_I8, "i1"},
                                             {LOCUM_I16, "i2"},
                                             {LOCUM_I32, "i4"},
                                             {LOCUM_I64, "i8"},
                                             {LOCUM_U8, "u1"},
                                             {LOCUM_U16, "u2"},
                                             {LOCUM_U32, "u4"},
                                             {LOCUM_U64, "u8"},
                                             {LOCUM_F32, "f4"},
                                             {LOCUM_F64, "f8"},
                                             {LOCUM_C64, "c8"},
                                             {LOCUM_C128, "c16"},
                                             {LOCUM_BOOL, "?"},
                                             {LOCUM_CHAR, "S1"},
                                             {LOCUM_BYTE, "u1"}}};

}  // namespace

py::object dtype_of(std::int32_t type, std::int64_t bytes) {
  if (type == LOCUM_CLASS) {
    return py::dtype("V" + std::to_string(bytes));
  }
  return py::reinterpret_borrow<py::object>(dtypes.at(static_cast<std::size_t>(type)));
}

void define_element_types(py::module_& module) {
  py::dict all;
  for (const Named& named : numpy_names) {
    py::object made = py::dtype(named.numpy);
    all[py::int_(static_cast<int>(named.type))] = made;
    dtypes.at(named.type) = made.release().ptr();
  }
  module.attr("dtypes") = all;
  module.attr("CHAR") = static_cast<int>(LOCUM_CHAR);
  module.attr("BYTE") = static_cast<int>(LOCUM_BYTE);
  module.attr("CLASS") = static_cast<int>(LOCUM_CLASS);
  module.attr("ENCODED") = static_cast<int>(LOCUM_ENCODED);
  module.attr("MAX_RANK") = LOCUM_MAX_RANK;
}

}  // namespace locum::python
