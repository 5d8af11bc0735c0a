#include "core/python/zarr.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "core/python/array.hpp"
#include "core/python/box.hpp"
#include "core/python/error.hpp"
#include "core/python/files.hpp"
#include "core/python/given_names.hpp"
#include "core/python/pin.hpp"
#include "core/python/unlocked.hpp"

namespace py = pybind11;

namespace locum::python {

namespace {

constexpr const char* record_type = "locum.record";

/// Copies integers, at most 8 of them; None is none of them. Returns how many there are.
std::int32_t set_numbers(const py::object& given, std::int64_t* numbers) {
  if (given.is_none()) {
    return 0;
  }
  const auto all = given.cast<py::tuple>();
  if (all.size() > LOCUM_MAX_RANK) {
    throw py::value_error("an array of Zarr has at most 8 dimensions here");
  }
  for (std::size_t at = 0; at < all.size(); ++at) {
    numbers[at] = all[at].cast<std::int64_t>();
  }
  return static_cast<std::int32_t>(all.size());
}

py::tuple tuple_of(const std::int64_t* numbers, std::int32_t rank) {
  py::tuple all(static_cast<std::size_t>(rank));
  for (std::size_t at = 0; at < all.size(); ++at) {
    all[at] = numbers[at];
  }
  return all;
}

locum_zarr_read_options reading_of(const py::object& box, bool strict, unsigned shared) {
  locum_zarr_read_options options{};
  options.box = box_of(box);
  options.strict = strict ? 1 : 0;
  options.shared = shared;
  return options;
}

/// Describes elements that are written, of which some may be one and the same in memory.
locum_array written(const py::array& values, int type) {
  locum_array given{};
  given.type = type;
  given.rank = static_cast<std::int32_t>(values.ndim());
  if (given.rank > LOCUM_MAX_RANK) {
    throw py::value_error("an array of Zarr has at most 8 dimensions here");
  }
  for (std::int32_t at = 0; at < given.rank; ++at) {
    given.extents[at] = values.shape(at);
    given.strides[at] = values.strides(at) == 0 ? LOCUM_REPEAT : values.strides(at);
  }
  given.data = const_cast<void*>(values.data());
  return given;
}

std::unique_ptr<ZarrArray> open_zarr(const Files& files, py::handle path, const py::object& backend) {
  const Name from(path);
  const MaybeName where(backend);
  const locum_zarr_options options{where.c_str(), {}};
  locum_files open = files.handle();
  locum_zarr array = nullptr;
  check(unlocked([&] { return locum_zarr_open(open, from.c_str(), &options, &array); }));
  return std::make_unique<ZarrArray>(array);
}

std::unique_ptr<ZarrArray> create_zarr(const Files& files, py::handle path, int type,
                                       const py::tuple& extents, const py::object& codecs,
                                       const py::object& fill, const py::object& dimensions,
                                       const py::object& attributes, int version, const py::object& backend) {
  const Name at(path);
  const MaybeName where(backend);
  const GivenLayout layout(type, extents, codecs, fill, dimensions, attributes, version);
  const locum_zarr_options options{where.c_str(), {}};
  locum_files open = files.handle();
  locum_zarr array = nullptr;
  check(unlocked([&] { return locum_zarr_create(open, at.c_str(), layout.get(), &options, &array); }));
  return std::make_unique<ZarrArray>(array);
}

}  // namespace

GivenLayout::GivenLayout(int type, const py::tuple& extents, const py::object& codecs, const py::object& fill,
                         const py::object& dimensions, const py::object& attributes, int version)
    : codecs_(codecs),
      dimensions_(dimensions.is_none() ? py::list() : dimensions.cast<py::list>()),
      names_(dimensions_) {
  layout_.type = type;
  layout_.rank = set_numbers(extents[0], layout_.shape);
  (void)set_numbers(extents[1], layout_.chunks);
  (void)set_numbers(extents[2], layout_.shards);
  layout_.codecs = codecs_.c_str();
  layout_.version = version;
  layout_.dimensions = dimensions.is_none() ? nullptr : names_.c_strings();
  if (!fill.is_none()) {
    fill_ = py::array(fill);
    fill_value_ = described(fill_, type, "");
    layout_.fill = &fill_value_;
  }
  if (!attributes.is_none()) {
    attributes_ = py::array(attributes);
    record_ = described(attributes_, LOCUM_ENCODED, record_type);
    layout_.attributes = &record_;
  }
}

py::tuple ZarrArray::info() const {
  locum_zarr_info info{};
  check(locum_zarr_info_get(array_, &info));
  return py::make_tuple(info.type, tuple_of(info.shape, info.rank), tuple_of(info.chunks, info.rank),
                        tuple_of(info.files, info.rank), info.version);
}

py::list ZarrArray::dimensions() const {
  GivenNames found;
  check(locum_zarr_dimensions(array_, &found.names));
  return found.list();
}

py::object ZarrArray::attributes() const {
  locum_zarr array = array_;
  auto pin = std::make_unique<Pin>();
  check(pin->fill([&](locum_view* view) { return locum_zarr_attributes(array, view); }));
  return object_of(std::move(pin));
}

void ZarrArray::set_attributes(const py::array& record) const {
  const locum_array bytes = described(record, LOCUM_ENCODED, record_type);
  locum_zarr array = array_;
  check(unlocked([&] { return locum_zarr_set_attributes(array, &bytes); }));
}

void ZarrArray::prefetch(const py::object& box, bool strict, unsigned shared) const {
  const locum_zarr_read_options options = reading_of(box, strict, shared);
  locum_zarr array = array_;
  check(unlocked([&] { return locum_zarr_prefetch(array, &options); }));
}

void ZarrArray::read(const py::array& into, int type, const py::object& box, bool strict,
                     unsigned shared) const {
  const locum_zarr_read_options options = reading_of(box, strict, shared);
  const locum_array memory = described(into, type, "");
  locum_zarr array = array_;
  check(unlocked([&] { return locum_zarr_read(array, &memory, &options); }));
}

void ZarrArray::write(const py::array& values, int type, const py::tuple& start, bool partial,
                      double timeout_s) const {
  locum_zarr_write_options options{};
  (void)set_numbers(start, options.start);
  options.partial = partial ? 1 : 0;
  options.deadline_s = timeout_s;
  const locum_array given = written(values, type);
  locum_zarr array = array_;
  check(unlocked([&] { return locum_zarr_write(array, &given, &options); }));
}

void ZarrArray::append(const py::array& values, int type, double timeout_s) const {
  const locum_array given = written(values, type);
  locum_zarr array = array_;
  check(unlocked([&] { return locum_zarr_append(array, &given, timeout_s); }));
}

void ZarrArray::resize(const py::tuple& shape) const {
  std::int64_t extents[LOCUM_MAX_RANK] = {};
  const std::int32_t rank = set_numbers(shape, extents);
  locum_zarr array = array_;
  check(unlocked([&] { return locum_zarr_resize(array, rank, extents); }));
}

void define_zarr(py::module_& module) {
  py::class_<ZarrArray>(module, "ZarrArray")
      .def_static("open", &open_zarr)
      .def_static("create", &create_zarr)
      .def("info", &ZarrArray::info)
      .def("dimensions", &ZarrArray::dimensions)
      .def("attributes", &ZarrArray::attributes)
      .def("set_attributes", &ZarrArray::set_attributes)
      .def("prefetch", &ZarrArray::prefetch)
      .def("read", &ZarrArray::read)
      .def("write", &ZarrArray::write)
      .def("append", &ZarrArray::append)
      .def("resize", &ZarrArray::resize);
}

}  // namespace locum::python
