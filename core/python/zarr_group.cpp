#include "core/python/zarr_group.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "core/python/array.hpp"
#include "core/python/error.hpp"
#include "core/python/files.hpp"
#include "core/python/given_names.hpp"
#include "core/python/name.hpp"
#include "core/python/pin.hpp"
#include "core/python/unlocked.hpp"

namespace py = pybind11;

namespace locum::python {

namespace {

constexpr const char* attributes_type = "locum.record";

std::unique_ptr<ZarrGroup> open_group(const Files& files, py::handle path, bool consolidated,
                                      const py::object& backend) {
  const Name from(path);
  const MaybeName where(backend);
  const locum_zarr_group_options options{where.c_str(), consolidated ? 1U : 0U, {}};
  locum_files open = files.handle();
  locum_zarr_group group = nullptr;
  check(unlocked([&] { return locum_zarr_group_open(open, from.c_str(), &options, &group); }));
  return std::make_unique<ZarrGroup>(group);
}

std::unique_ptr<ZarrGroup> create_group_in(const Files& files, py::handle path, const py::array& attributes,
                                           int version, const py::object& backend) {
  const Name at(path);
  const MaybeName where(backend);
  const locum_zarr_group_options options{where.c_str(), 0, {}};
  const locum_array record = described(attributes, LOCUM_ENCODED, attributes_type);
  locum_files open = files.handle();
  locum_zarr_group group = nullptr;
  check(unlocked(
      [&] { return locum_zarr_group_create(open, at.c_str(), &record, version, &options, &group); }));
  return std::make_unique<ZarrGroup>(group);
}

}  // namespace

py::tuple ZarrGroup::info() const {
  std::int32_t version = 0;
  bool is_consolidated = false;
  check(locum_zarr_group_info(group_, &version, &is_consolidated));
  return py::make_tuple(version, is_consolidated);
}

py::object ZarrGroup::attributes() const {
  locum_zarr_group group = group_;
  auto pin = std::make_unique<Pin>();
  check(pin->fill([&](locum_view* view) { return locum_zarr_group_attributes(group, view); }));
  return object_of(std::move(pin));
}

void ZarrGroup::set_attributes(const py::array& record) const {
  const locum_array bytes = described(record, LOCUM_ENCODED, attributes_type);
  locum_zarr_group group = group_;
  check(unlocked([&] { return locum_zarr_group_set_attributes(group, &bytes); }));
}

py::tuple ZarrGroup::list() const {
  locum_zarr_group group = group_;
  GivenNames arrays;
  GivenNames groups;
  check(unlocked([&] { return locum_zarr_group_list(group, &arrays.names, &groups.names); }));
  return py::make_tuple(arrays.list(), groups.list());
}

bool ZarrGroup::exists(py::handle name) const {
  const Name of(name);
  locum_zarr_group group = group_;
  bool exists = false;
  check(unlocked([&] { return locum_zarr_group_exists(group, of.c_str(), &exists); }));
  return exists;
}

std::unique_ptr<ZarrArray> ZarrGroup::array(py::handle name) const {
  const Name of(name);
  locum_zarr_group group = group_;
  locum_zarr array = nullptr;
  check(unlocked([&] { return locum_zarr_group_array(group, of.c_str(), &array); }));
  return std::make_unique<ZarrArray>(array);
}

std::unique_ptr<ZarrGroup> ZarrGroup::group(py::handle name) const {
  const Name of(name);
  locum_zarr_group group = group_;
  locum_zarr_group below = nullptr;
  check(unlocked([&] { return locum_zarr_group_group(group, of.c_str(), &below); }));
  return std::make_unique<ZarrGroup>(below);
}

std::unique_ptr<ZarrArray> ZarrGroup::create_array(py::handle name, int type, const py::tuple& extents,
                                                   const py::object& codecs, const py::object& fill,
                                                   const py::object& dimensions,
                                                   const py::object& attributes) const {
  const Name of(name);
  const GivenLayout layout(type, extents, codecs, fill, dimensions, attributes, 0);
  locum_zarr_group group = group_;
  locum_zarr array = nullptr;
  check(unlocked([&] { return locum_zarr_group_create_array(group, of.c_str(), layout.get(), &array); }));
  return std::make_unique<ZarrArray>(array);
}

std::unique_ptr<ZarrGroup> ZarrGroup::create_group(py::handle name, const py::array& attributes) const {
  const Name of(name);
  const locum_array record = described(attributes, LOCUM_ENCODED, attributes_type);
  locum_zarr_group group = group_;
  locum_zarr_group below = nullptr;
  check(unlocked([&] { return locum_zarr_group_create_group(group, of.c_str(), &record, &below); }));
  return std::make_unique<ZarrGroup>(below);
}

void ZarrGroup::consolidate() const {
  locum_zarr_group group = group_;
  check(unlocked([&] { return locum_zarr_group_consolidate(group); }));
}

void define_zarr_groups(py::module_& module) {
  py::class_<ZarrGroup>(module, "ZarrGroup")
      .def_static("open", &open_group)
      .def_static("create", &create_group_in)
      .def("info", &ZarrGroup::info)
      .def("attributes", &ZarrGroup::attributes)
      .def("set_attributes", &ZarrGroup::set_attributes)
      .def("list", &ZarrGroup::list)
      .def("exists", &ZarrGroup::exists)
      .def("array", &ZarrGroup::array)
      .def("group", &ZarrGroup::group)
      .def("create_array", &ZarrGroup::create_array)
      .def("create_group", &ZarrGroup::create_group)
      .def("consolidate", &ZarrGroup::consolidate);
}

}  // namespace locum::python
