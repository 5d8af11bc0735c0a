#include "core/python/saved_memory.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <unordered_map>

#include "core/python/array.hpp"
#include "core/python/copied_bytes.hpp"
#include "core/python/name.hpp"

namespace py = pybind11;

namespace locum::python {

namespace {

using Arrays = std::unordered_multimap<const void*, PyObject*>;

// Of the arrays that are being saved, by their addresses; with the interpreter's lock. Never destroyed.
Arrays& arrays_being_saved() {
  static auto& all = *new Arrays;
  return all;
}

/// Returns the array that has this memory; none if it is no Python array's.
py::object array_at(const void* data) {
  const auto found = arrays_being_saved().find(data);
  return found == arrays_being_saved().end() ? py::object()
                                             : py::reinterpret_borrow<py::object>(found->second);
}

bool is_number_of_python(std::int32_t type) noexcept {
  return type == LOCUM_I64 || type == LOCUM_U64 || type == LOCUM_F64 || type == LOCUM_C128 ||
         type == LOCUM_BOOL;
}

}  // namespace

SavedMemory::SavedMemory(const py::array& array)
    : data_(array.data()), array_(array.ndim() > 0 && array.size() > 0 ? array.ptr() : nullptr) {
  if (array_ != nullptr) {
    arrays_being_saved().emplace(data_, array_);
  }
}

SavedMemory::~SavedMemory() {
  if (array_ == nullptr) {
    return;
  }
  Arrays& all = arrays_being_saved();
  const auto [first, last] = all.equal_range(data_);
  all.erase(std::find_if(first, last, [&](const auto& one) { return one.second == array_; }));
}

py::object saved_value(const locum_array& value) {
  const auto size = static_cast<std::size_t>(value.rank == 1 ? value.extents[0] : 0);
  if (value.type == LOCUM_ENCODED) {
    py::array_t<std::uint8_t> bytes(static_cast<py::ssize_t>(size));
    std::copy_n(static_cast<const std::uint8_t*>(value.data), size, bytes.mutable_data());
    return bytes;
  }
  if (value.rank == 1 && value.type == LOCUM_CHAR) {
    return text_of({static_cast<const char*>(value.data), size});
  }
  if (value.rank == 1 && value.type == LOCUM_BYTE) {
    return copied_bytes(value.data, size);
  }
  if (value.type == LOCUM_CLASS) {
    throw py::type_error("a format in Python is given no arrays of classes of C++");
  }
  py::object kept = array_at(value.data);
  const bool is_in_place = static_cast<bool>(kept);
  py::object shown = array_over(value, 0, is_in_place ? std::move(kept) : py::none(), false);
  if (is_in_place) {
    return shown;
  }
  py::object copy = shown.attr("copy")();  // the memory is the caller's, and may end with the call
  copy.attr("setflags")(py::arg("write") = false);
  if (value.rank > 0) {
    return copy;
  }
  return is_number_of_python(value.type) ? copy.attr("item")() : py::object(copy[py::tuple()]);
}

}  // namespace locum::python
