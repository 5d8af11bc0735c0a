#include "core/python/array.hpp"

#include <algorithm>
#include <array>
#include <complex>
#include <cstdint>
#include <cstring>
#include <utility>

#include "core/python/copied_bytes.hpp"
#include "core/python/element_types.hpp"
#include "core/python/name.hpp"

namespace py = pybind11;

namespace locum::python {

namespace {

constexpr const char* pin_name = "locum.pin";

/// Returns the Python object that keeps a pin; an array on its memory refers to it.
py::object owner_of(std::unique_ptr<Pin> pin) {
  auto owner = py::reinterpret_steal<py::object>(PyCapsule_New(pin.get(), pin_name, [](PyObject* capsule) {
    delete static_cast<Pin*>(PyCapsule_GetPointer(capsule, pin_name));
  }));
  if (!owner) {
    throw py::error_already_set();
  }
  (void)pin.release();
  return owner;
}

template <class T>
T element(const locum_array& array) {
  T value;
  std::memcpy(&value, array.data, sizeof value);  // may be anywhere
  return value;
}

py::object stolen(PyObject* made) {
  if (made == nullptr) {
    throw py::error_already_set();
  }
  return py::reinterpret_steal<py::object>(made);
}

py::object pinned_array(std::unique_ptr<Pin> pin) {
  const locum_view& view = pin->view();  // stays where it is
  const std::int64_t element_bytes = view.array.rank == 0 ? static_cast<std::int64_t>(view.size_bytes)
                                                          : view.array.strides[view.array.rank - 1];
  return array_over(view.array, element_bytes, owner_of(std::move(pin)), false);
}

/// Returns the one element of an object of rank 0.
py::object number_of(std::unique_ptr<Pin> pin) {
  const locum_array& array = pin->view().array;
  switch (array.type) {
    case LOCUM_I64:
      return stolen(PyLong_FromLongLong(element<std::int64_t>(array)));
    case LOCUM_F64:
      return stolen(PyFloat_FromDouble(element<double>(array)));
    case LOCUM_C128: {
      const auto parts = element<std::array<double, 2>>(array);
      return stolen(PyComplex_FromDoubles(parts[0], parts[1]));
    }
    case LOCUM_BOOL:
      return py::bool_(element<std::uint8_t>(array) != 0);
    case LOCUM_CHAR:
      return text_of({static_cast<const char*>(array.data), 1});
    case LOCUM_BYTE:
      return py::bytes(static_cast<const char*>(array.data), 1);
    case LOCUM_CLASS:  // an array of rank 0, whose view(dtype) has its members
      return pinned_array(std::move(pin));
    default:
      return pinned_array(std::move(pin))[py::tuple()];  // a number of NumPy, a copy
  }
}

locum_array all_bytes(const Pin& pin) {
  locum_array bytes{};
  bytes.type = LOCUM_BYTE;
  bytes.rank = 1;
  bytes.extents[0] = static_cast<std::int64_t>(pin.view().size_bytes);
  bytes.data = pin.view().array.data;
  return bytes;
}

}  // namespace

py::object array_over(const locum_array& array, std::int64_t element_bytes, py::object owner,
                      bool is_writable) {
  alignas(64) static char no_elements[64];
  std::array<Py_intptr_t, LOCUM_MAX_RANK> shape;
  std::array<Py_intptr_t, LOCUM_MAX_RANK> strides;
  bool has_strides = false;
  for (std::int32_t at = 0; at < array.rank; ++at) {
    shape[static_cast<std::size_t>(at)] = static_cast<Py_intptr_t>(array.extents[at]);
    strides[static_cast<std::size_t>(at)] = static_cast<Py_intptr_t>(array.strides[at]);
    has_strides = has_strides || array.strides[at] != 0;
  }
  auto& numpy = py::detail::npy_api::get();
  py::object made = stolen(numpy.PyArray_NewFromDescr_(
      numpy.PyArray_Type_, dtype_of(array.type, element_bytes).release().ptr(), static_cast<int>(array.rank),
      shape.data(), has_strides ? strides.data() : nullptr, array.data == nullptr ? no_elements : array.data,
      is_writable ? py::detail::npy_api::NPY_ARRAY_WRITEABLE_ : 0, nullptr));
  if (numpy.PyArray_SetBaseObject_(made.ptr(), owner.release().ptr()) != 0) {
    throw py::error_already_set();
  }
  return made;
}

py::handle memory_owner(const py::object& array) {
  return py::detail::array_proxy(array.ptr())->base;
}

bool has_other_users(const py::object& array) {
  return Py_REFCNT(array.ptr()) > 1 || Py_REFCNT(memory_owner(array).ptr()) > 1;
}

py::object object_of(std::unique_ptr<Pin> pin) {
  const locum_array& array = pin->view().array;
  if (array.type == LOCUM_ENCODED) {
    py::str type_name = text_of(array.type_name);
    return py::cast(Encoded{bytes_of(std::move(pin)), std::move(type_name)});
  }
  if (array.rank == 0) {
    return number_of(std::move(pin));
  }
  if (array.rank == 1 && array.type == LOCUM_CHAR) {
    return text_of({static_cast<const char*>(array.data), static_cast<std::size_t>(array.extents[0])});
  }
  if (array.rank == 1 && array.type == LOCUM_BYTE) {
    return copied_bytes(array.data, static_cast<std::size_t>(array.extents[0]));
  }
  return pinned_array(std::move(pin));
}

py::object bytes_of(std::unique_ptr<Pin> pin) {
  const locum_array bytes = all_bytes(*pin);
  return array_over(bytes, 1, owner_of(std::move(pin)), false);
}

locum_array described(const py::array& array, int type, const char* type_name) {
  locum_array described{};
  described.type = type;
  described.rank = static_cast<std::int32_t>(array.ndim());
  if (described.rank > LOCUM_MAX_RANK) {
    throw py::value_error("an array of the store has at most 8 dimensions");
  }
  for (std::int32_t at = 0; at < described.rank; ++at) {
    described.extents[at] = array.shape(at);
    described.strides[at] = array.strides(at);
  }
  // All of them 0 are no strides to the C interface: it would take the one element for a row.
  if (array.size() > 1 && std::all_of(described.strides, described.strides + described.rank,
                                      [](std::int64_t stride) { return stride == 0; })) {
    throw py::value_error("the elements of this array are one and the same in memory; copy it");
  }
  described.data = const_cast<void*>(array.data());
  described.type_name = {type_name, std::strlen(type_name)};
  return described;
}

void define_encoded(py::module_& module) {
  py::class_<Encoded>(module, "Encoded")
      .def_readonly("bytes", &Encoded::bytes)
      .def_readonly("type_name", &Encoded::type_name);
}

}  // namespace locum::python
