#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <memory>

#include <locum/locum.h>

#include "core/python/zarr.hpp"

namespace locum::python {

/// A group of Zarr, whose calls are those of the C interface. Any thread.
class ZarrGroup {
 public:
  /// Takes over the handle.
  explicit ZarrGroup(locum_zarr_group group) noexcept : group_(group) {}
  ZarrGroup(const ZarrGroup&) = delete;
  ZarrGroup& operator=(const ZarrGroup&) = delete;
  ~ZarrGroup() { (void)locum_zarr_group_close(&group_); }  // which waits for nothing

  /// Returns the version, and whether consolidated metadata are used.
  [[nodiscard]] pybind11::tuple info() const;
  /// Returns the bytes of a Record.
  [[nodiscard]] pybind11::object attributes() const;
  void set_attributes(const pybind11::array& record) const;
  /// Returns the names of arrays, and those of groups.
  [[nodiscard]] pybind11::tuple list() const;
  [[nodiscard]] bool exists(pybind11::handle name) const;
  [[nodiscard]] std::unique_ptr<ZarrArray> array(pybind11::handle name) const;
  [[nodiscard]] std::unique_ptr<ZarrGroup> group(pybind11::handle name) const;
  /// See GivenLayout.
  [[nodiscard]] std::unique_ptr<ZarrArray> create_array(pybind11::handle name, int type,
                                                        const pybind11::tuple& extents,
                                                        const pybind11::object& codecs,
                                                        const pybind11::object& fill,
                                                        const pybind11::object& dimensions,
                                                        const pybind11::object& attributes) const;
  [[nodiscard]] std::unique_ptr<ZarrGroup> create_group(pybind11::handle name,
                                                        const pybind11::array& attributes) const;
  void consolidate() const;

 private:
  locum_zarr_group group_;
};

void define_zarr_groups(pybind11::module_& module);

}  // namespace locum::python
