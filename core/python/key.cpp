#include "core/python/key.hpp"

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace py = pybind11;

namespace locum::python {

namespace {

static_assert(sizeof(locum_key) == 16);

locum_key key_from(const py::bytes& bytes) {
  const auto given = static_cast<std::string_view>(bytes);
  if (given.size() != sizeof(locum_key)) {
    throw py::value_error("a key has 16 bytes; these are " + std::to_string(given.size()));
  }
  locum_key key;
  std::memcpy(&key, given.data(), sizeof key);
  return key;
}

py::bytes raw_bytes(const locum_key& key) {
  return {reinterpret_cast<const char*>(&key), sizeof key};
}

bool equal(const locum_key& one, const locum_key& other) {
  return one.store == other.store && one.creator == other.creator && one.serial == other.serial;
}

Py_ssize_t hash_of(const locum_key& key) {
  const std::uint64_t where = std::uint64_t{key.store} << 32U | key.creator;
  return static_cast<Py_ssize_t>((key.serial ^ (where * 0x9E3779B97F4A7C15U)) * 0xBF58476D1CE4E5B9U);
}

}  // namespace

void define_key(py::module_& module) {
  py::class_<locum_key>(module, "Key",
                        "Identity of one object, on all ranks; never reused. `bytes(key)` has 16 bytes.")
      .def(py::init(&key_from), py::arg("bytes"), py::pos_only())
      .def_readonly("store", &locum_key::store, "Number of the object's store.")
      .def_readonly("creator", &locum_key::creator, "Rank that made the object.")
      .def_readonly("serial", &locum_key::serial, "Number of the object among those of its creator.")
      .def("__bytes__", &raw_bytes)
      .def("__hash__", &hash_of)
      .def("__eq__", &equal, py::is_operator())
      .def("__repr__",
           [](const locum_key& key) {
             return "locum.Key(store=" + std::to_string(key.store) +
                    ", creator=" + std::to_string(key.creator) + ", serial=" + std::to_string(key.serial) +
                    ")";
           })
      .def("__reduce__",
           [](const py::object& self) {
             return py::make_tuple(py::type::of(self),
                                   py::make_tuple(raw_bytes(self.cast<const locum_key&>())));
           })
      .attr("__module__") = "locum";
}

}  // namespace locum::python
