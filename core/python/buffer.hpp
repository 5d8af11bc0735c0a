#pragma once

#include <pybind11/pybind11.h>

#include <cstddef>

namespace locum::python {

/// The memory of an object with the buffer protocol, row-major and without gaps. It stays as long as this.
class Buffer {
 public:
  /// BufferError or TypeError if the object has no such memory. \param flags PyBUF_SIMPLE, or PyBUF_CONTIG to
  /// write to it
  Buffer(pybind11::handle object, int flags) {
    if (PyObject_GetBuffer(object.ptr(), &view_, flags) != 0) {
      throw pybind11::error_already_set();
    }
  }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  ~Buffer() { PyBuffer_Release(&view_); }

  [[nodiscard]] void* data() const noexcept { return view_.buf; }
  [[nodiscard]] std::size_t size_bytes() const noexcept { return static_cast<std::size_t>(view_.len); }

 private:
  Py_buffer view_{};
};

}  // namespace locum::python
