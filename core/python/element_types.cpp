#include "core/python/element_types.hpp"

#include <array>
#include <charconv>
#include <cstddef>
#include <string>
#include <system_error>

#include <locum/locum.h>

namespace py = pybind11;

namespace locum::python {

namespace {

// Never released: arrays are made until the interpreter is gone.
std::array<PyObject*, LOCUM_ENCODED> dtypes{};

struct Named {
  locum_type type;
  const char* numpy;
  std::string_view name;  ///< in C++
  std::int64_t bytes;
};

constexpr std::array<Named, 15> named_types{{{LOCUM_I8, "i1", "i8", 1},
                                             {LOCUM_I16, "i2", "i16", 2},
                                             {LOCUM_I32, "i4", "i32", 4},
                                             {LOCUM_I64, "i8", "i64", 8},
                                             {LOCUM_U8, "u1", "u8", 1},
                                             {LOCUM_U16, "u2", "u16", 2},
                                             {LOCUM_U32, "u4", "u32", 4},
                                             {LOCUM_U64, "u8", "u64", 8},
                                             {LOCUM_F32, "f4", "f32", 4},
                                             {LOCUM_F64, "f8", "f64", 8},
                                             {LOCUM_C64, "c8", "c64", 8},
                                             {LOCUM_C128, "c16", "c128", 16},
                                             {LOCUM_BOOL, "?", "bool", 1},
                                             {LOCUM_CHAR, "S1", "char", 1},
                                             {LOCUM_BYTE, "u1", "byte", 1}}};

}  // namespace

py::object dtype_of(std::int32_t type, std::int64_t bytes) {
  if (type == LOCUM_CLASS) {
    return py::dtype("V" + std::to_string(bytes));
  }
  return py::reinterpret_borrow<py::object>(dtypes.at(static_cast<std::size_t>(type)));
}

std::int32_t type_of_elements(std::string_view name, std::int64_t& bytes) {
  for (const Named& named : named_types) {
    if (named.name == name) {
      bytes = named.bytes;
      return named.type;
    }
  }
  const std::size_t brace = name.rfind('{');
  if (brace == std::string_view::npos || brace == 0 || !name.ends_with('}')) {
    return -1;
  }
  const char* const end = name.data() + name.size() - 1;
  std::int32_t size = 0;  // NumPy's are no longer
  const auto [behind, error] = std::from_chars(name.data() + brace + 1, end, size);
  if (error != std::errc() || behind != end || size <= 0) {
    return -1;
  }
  bytes = size;
  return LOCUM_CLASS;
}

void define_element_types(py::module_& module) {
  py::dict all;
  for (const Named& named : named_types) {
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
