#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <locum/locum.h>

namespace locum::python {

/// An array that is being saved, as long as this exists: a format in Python is then shown its memory, which
/// it may keep, and not a copy. Made and destroyed with the interpreter's lock.
class SavedMemory {
 public:
  /// REQUIRES: the array outlives this.
  explicit SavedMemory(const pybind11::array& array);
  SavedMemory(const SavedMemory&) = delete;
  SavedMemory& operator=(const SavedMemory&) = delete;
  ~SavedMemory();

 private:
  const void* const data_;
  PyObject* const array_;
};

/// Returns what a value is in Python: a number, a str, bytes, the bytes of a Record, or a read-only array, in
/// place if it is a SavedMemory.
[[nodiscard]] pybind11::object saved_value(const locum_array& value);

}  // namespace locum::python
