#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <memory>

#include <locum/locum.h>

namespace locum::python {

/// An array of Zarr, whose calls are those of the C interface: they release the interpreter's lock, and raise
/// the exceptions of the package. Any thread.
class ZarrArray {
 public:
  /// Takes over the handle.
  explicit ZarrArray(locum_zarr array) noexcept : array_(array) {}
  ZarrArray(const ZarrArray&) = delete;
  ZarrArray& operator=(const ZarrArray&) = delete;
  ~ZarrArray() { (void)locum_zarr_close(&array_); }  // which waits for nothing

  /// Returns the type of the elements, the shape, the extents of chunks and of files, and the version.
  [[nodiscard]] pybind11::tuple info() const;
  [[nodiscard]] pybind11::list dimensions() const;
  /// Returns the bytes of a Record.
  [[nodiscard]] pybind11::object attributes() const;
  void set_attributes(const pybind11::array& record) const;
  /// Returns the elements of a box, (start, count, stride) or None, in the memory that the library has read
  /// them to.
  [[nodiscard]] pybind11::object load(const pybind11::object& box) const;
  void read(const pybind11::array& into, int type, const pybind11::object& box) const;
  void write(const pybind11::array& values, int type, const pybind11::tuple& start) const;
  void resize(const pybind11::tuple& shape) const;

 private:
  locum_zarr array_;
};

void define_zarr(pybind11::module_& module);

}  // namespace locum::python
