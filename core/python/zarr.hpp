#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <memory>

#include <locum/locum.h>

#include "core/python/name.hpp"
#include "core/python/name_list.hpp"

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
  /// \param shared a locum_zarr_shared
  void prefetch(const pybind11::object& box, bool strict, unsigned shared) const;
  /// Reads the elements of a box, (start, count, stride) or None.
  void read(const pybind11::array& into, int type, const pybind11::object& box, bool strict,
            unsigned shared) const;
  void write(const pybind11::array& values, int type, const pybind11::tuple& start, bool partial,
             double timeout_s) const;
  void append(const pybind11::array& values, int type, double timeout_s) const;
  void resize(const pybind11::tuple& shape) const;

 private:
  locum_zarr array_;
};

/// The layout of a new array, as the C interface takes it.
class GivenLayout {
 public:
  /// REQUIRES: the arguments outlive this. \param extents a tuple of the shape, and of chunks and shards or
  /// None; the others are None for their defaults
  GivenLayout(int type, const pybind11::tuple& extents, const pybind11::object& codecs,
              const pybind11::object& fill, const pybind11::object& dimensions,
              const pybind11::object& attributes, int version);
  GivenLayout(const GivenLayout&) = delete;
  GivenLayout& operator=(const GivenLayout&) = delete;
  ~GivenLayout() = default;
  [[nodiscard]] const locum_zarr_layout* get() const noexcept { return &layout_; }

 private:
  const MaybeName codecs_;
  pybind11::array fill_;
  locum_array fill_value_{};
  const pybind11::list dimensions_;
  const NameList names_;
  pybind11::array attributes_;
  locum_array record_{};
  locum_zarr_layout layout_{};
};

void define_zarr(pybind11::module_& module);

}  // namespace locum::python
