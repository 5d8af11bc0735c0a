#include "core/python/store.hpp"

#include <cstring>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <pybind11/stl.h>

#include "core/python/array.hpp"
#include "core/python/box.hpp"
#include "core/python/error.hpp"
#include "core/python/given_names.hpp"
#include "core/python/handle.hpp"
#include "core/python/interruptible.hpp"
#include "core/python/name.hpp"
#include "core/python/object_id.hpp"
#include "core/python/unlocked.hpp"

namespace py = pybind11;

namespace locum::python {

namespace {

/// Options of a call that stores, as the C interface takes them.
class PutOptions {
 public:
  explicit PutOptions(const Store::Storing& how, std::uint64_t expected_generation = 0) {
    if (!how.tag.is_none()) {
      tag_.emplace(how.tag);
    }
    options_.deadline_s = how.timeout_s;
    options_.lifetime_s = how.lifetime_s;
    options_.waits_for_room = how.waits_for_room;
    options_.listed = how.is_listed;
    options_.tag = tag_ ? tag_->c_str() : nullptr;
    options_.expected_generation = expected_generation;
  }
  [[nodiscard]] const locum_put_options* get() const noexcept { return &options_; }

 private:
  locum_put_options options_{};
  std::optional<Name> tag_;
};

/// Metadata that is released at the end.
struct Info {
  locum_info info{};
  Info() = default;
  Info(const Info&) = delete;
  Info& operator=(const Info&) = delete;
  ~Info() { (void)locum_info_release(&info); }
};

}  // namespace

locum_store Store::handle() const {
  if (store_ == nullptr) {
    raise(LOCUM_CLOSED, "closed: this store was closed; open it anew");
  }
  return store_;
}

void Store::close() noexcept {
  if (locum_store closing = std::exchange(store_, nullptr)) {
    (void)unlocked([&] { return locum_store_release(&closing); });
  }
}

std::unique_ptr<Store> Store::collection(py::handle name) const {
  const Name given(name);
  locum_store made = nullptr;
  check(locum_store_collection(handle(), given.c_str(), &made));
  return std::make_unique<Store>(made, timeout_s_);
}

locum_status Store::find(py::handle id, double timeout_s, Pin& pin) const {
  const ObjectId object(id);
  const locum_get_options options{timeout_s};
  locum_store store = handle();
  return pin.fill([&](locum_view* view) {
    return object.name() == nullptr ? locum_get_by_key(store, object.key(), &options, view)
                                    : locum_get(store, object.name(), &options, view);
  });
}

py::object Store::get(py::handle id, double timeout_s) const {
  auto pin = std::make_unique<Pin>();
  check(find(id, timeout_s, *pin));
  return object_of(std::move(pin));
}

py::object Store::get_or(py::handle id, double timeout_s, py::object absent) const {
  auto pin = std::make_unique<Pin>();
  const locum_status status = find(id, timeout_s, *pin);
  if (status == LOCUM_NOT_FOUND) {
    return absent;
  }
  check(status);
  return object_of(std::move(pin));
}

py::object Store::wait(py::handle name, double timeout_s) const {
  constexpr double default_s = 30;  // of the C interface
  const Name given(name);
  locum_store store = handle();
  auto pin = std::make_unique<Pin>();
  const double whole_s = timeout_s != 0 ? timeout_s : timeout_s_ != 0 ? timeout_s_ : default_s;
  check(interruptible(
      whole_s,
      [&](double piece_s) {
        const locum_get_options options{piece_s};
        return pin->fill([&](locum_view* view) { return locum_wait(store, given.c_str(), &options, view); });
      },
      [] { return false; }));
  return object_of(std::move(pin));
}

std::unique_ptr<Future> Store::get_async(py::handle id, double timeout_s) const {
  const ObjectId object(id);
  const locum_get_options options{timeout_s};
  locum_store store = handle();
  locum_future future = nullptr;
  check(unlocked([&] {
    return object.name() == nullptr ? locum_get_async_by_key(store, object.key(), &options, &future)
                                    : locum_get_async(store, object.name(), &options, &future);
  }));
  return std::make_unique<Future>(future);
}

std::unique_ptr<Future> Store::wait_async(py::handle name, double timeout_s) const {
  const Name given(name);
  const locum_get_options options{timeout_s};
  locum_store store = handle();
  locum_future future = nullptr;
  check(unlocked([&] { return locum_wait_async(store, given.c_str(), &options, &future); }));
  return std::make_unique<Future>(future);
}

std::unique_ptr<Future> Store::put_async(py::handle name, const py::array& array, int type,
                                         const py::str& type_name, const Storing& how) const {
  const Name given(name);
  const Name type_text(type_name);
  const PutOptions options(how);
  const locum_array value = described(array, type, type_text.c_str());
  locum_store store = handle();
  locum_future future = nullptr;
  check(unlocked([&] { return locum_put_async(store, given.c_str(), &value, options.get(), &future); }));
  return std::make_unique<Future>(future);
}

std::unique_ptr<Future> Store::read_async(py::handle id, const py::array& into, int type,
                                          const py::str& type_name, const py::object& box,
                                          double timeout_s) const {
  const ObjectId object(id);
  const Name type_text(type_name);
  if (!into.writeable()) {
    throw py::value_error("the array to be read into is read-only");
  }
  const locum_array memory = described(into, type, type_text.c_str());
  const locum_read_options options{timeout_s, box_of(box)};
  locum_store store = handle();
  locum_future future = nullptr;
  check(unlocked([&] {
    return object.name() == nullptr ? locum_read_async_by_key(store, object.key(), &memory, &options, &future)
                                    : locum_read_async(store, object.name(), &memory, &options, &future);
  }));
  return std::make_unique<Future>(future, into);
}

std::unique_ptr<StandIn> Store::proxy(py::handle id, double timeout_s) const {
  const ObjectId object(id);
  locum_store store = handle();
  locum_proxy proxy = nullptr;
  check(unlocked([&] {
    return object.name() == nullptr ? locum_proxy_of_key(store, object.key(), timeout_s, &proxy)
                                    : locum_proxy_of(store, object.name(), timeout_s, &proxy);
  }));
  return std::make_unique<StandIn>(proxy);
}

py::object Store::get_bytes(py::handle id, double timeout_s) const {
  auto pin = std::make_unique<Pin>();
  check(find(id, timeout_s, *pin));
  return bytes_of(std::move(pin));
}

void Store::read(py::handle id, const py::array& into, int type, const py::str& type_name,
                 const py::object& box, double timeout_s) const {
  const ObjectId object(id);
  const Name type_text(type_name);
  if (!into.writeable()) {
    throw py::value_error("the array to be read into is read-only");
  }
  const locum_array memory = described(into, type, type_text.c_str());
  const locum_read_options options{timeout_s, box_of(box)};
  locum_store store = handle();
  check(unlocked([&] {
    return object.name() == nullptr ? locum_read_by_key(store, object.key(), &memory, &options)
                                    : locum_read(store, object.name(), &memory, &options);
  }));
}

locum_key Store::put(const py::object& name, const py::array& array, int type, const py::str& type_name,
                     const Storing& how) const {
  const MaybeName given(name);
  const Name type_text(type_name);
  const PutOptions options(how);
  const locum_array value = described(array, type, type_text.c_str());
  locum_store store = handle();
  locum_key key{};
  check(unlocked([&] { return locum_put(store, given.c_str(), &value, options.get(), &key); }));
  return key;
}

locum_key Store::replace(py::handle name, const py::array& array, int type, const py::str& type_name,
                         const Storing& how, std::uint64_t expected_generation) const {
  const Name given(name);
  const Name type_text(type_name);
  const PutOptions options(how, expected_generation);
  const locum_array value = described(array, type, type_text.c_str());
  locum_store store = handle();
  locum_key key{};
  check(unlocked([&] { return locum_replace(store, given.c_str(), &value, options.get(), &key); }));
  return key;
}

std::unique_ptr<Writer> Store::create(const py::object& name, const py::tuple& shape, int type,
                                      const Storing& how) const {
  const MaybeName given(name);
  const PutOptions options(how);
  locum_array array{};
  array.type = type;
  if (shape.size() > LOCUM_MAX_RANK) {
    throw py::value_error("an array of the store has at most 8 dimensions");
  }
  array.rank = static_cast<std::int32_t>(shape.size());
  for (std::size_t at = 0; at < shape.size(); ++at) {
    array.extents[at] = shape[at].cast<std::int64_t>();
  }
  locum_store store = handle();
  locum_writer writer = nullptr;
  check(unlocked([&] { return locum_create(store, given.c_str(), &array, options.get(), &writer); }));
  return std::make_unique<Writer>(writer, array);
}

std::unique_ptr<Writer> Store::create_encoded(const py::object& name, std::int64_t size_bytes,
                                              const py::str& type_name, const Storing& how) const {
  const MaybeName given(name);
  const Name type_text(type_name);
  const PutOptions options(how);
  locum_array memory{};
  memory.type = LOCUM_ENCODED;
  memory.rank = 1;
  memory.extents[0] = size_bytes;
  memory.type_name = {type_text.c_str(), std::strlen(type_text.c_str())};
  locum_store store = handle();
  locum_writer writer = nullptr;
  check(unlocked([&] { return locum_create(store, given.c_str(), &memory, options.get(), &writer); }));
  memory.type = LOCUM_U8;  // what NumPy is to see there
  return std::make_unique<Writer>(writer, memory);
}

std::int64_t Store::fetch_add(py::handle name, std::int64_t difference, double timeout_s) const {
  const Name given(name);
  locum_store store = handle();
  std::int64_t previous = 0;
  check(unlocked([&] { return locum_fetch_add(store, given.c_str(), difference, timeout_s, &previous); }));
  return previous;
}

py::tuple Store::info(py::handle id, double timeout_s) const {
  const ObjectId object(id);
  locum_store store = handle();
  Info found;
  locum_info& info = found.info;
  check(unlocked([&] {
    return object.name() == nullptr ? locum_info_get_by_key(store, object.key(), timeout_s, &info)
                                    : locum_info_get(store, object.name(), timeout_s, &info);
  }));
  py::tuple shape(static_cast<std::size_t>(info.rank));
  for (std::size_t at = 0; at < shape.size(); ++at) {
    shape[at] = info.extents[at];
  }
  return py::make_tuple(info.key, info.size_bytes, info.type, text_of(info.type_name), shape, info.owner,
                        info.generation, text_of(info.name), text_of(info.codec), info.expires_s);
}

bool Store::exists(py::handle id, double timeout_s) const {
  const ObjectId object(id);
  locum_store store = handle();
  bool exists = false;
  check(unlocked([&] {
    return object.name() == nullptr ? locum_exists_by_key(store, object.key(), timeout_s, &exists)
                                    : locum_exists(store, object.name(), timeout_s, &exists);
  }));
  return exists;
}

bool Store::evict(py::handle id, double timeout_s) const {
  const ObjectId object(id);
  locum_store store = handle();
  bool existed = false;
  check(unlocked([&] {
    return object.name() == nullptr ? locum_evict_by_key(store, object.key(), timeout_s, &existed)
                                    : locum_evict(store, object.name(), timeout_s, &existed);
  }));
  return existed;
}

py::list Store::keys(py::handle prefix, double timeout_s) const {
  const Name given(prefix);
  locum_store store = handle();
  GivenNames found;
  check(unlocked([&] { return locum_keys(store, given.c_str(), timeout_s, &found.names); }));
  return found.list();
}

std::uint64_t Store::size(double timeout_s) const {
  locum_store store = handle();
  std::uint64_t size = 0;
  check(unlocked([&] { return locum_size(store, timeout_s, &size); }));
  return size;
}

std::uint64_t Store::clear(double timeout_s) const {
  locum_store store = handle();
  std::uint64_t evicted = 0;
  check(unlocked([&] { return locum_clear(store, timeout_s, &evicted); }));
  return evicted;
}

void define_store(py::module_& module) {
  py::class_<Store::Storing>(module, "Storing")
      .def(py::init([](double timeout_s, double lifetime_s, bool waits_for_room, bool is_listed,
                       const py::object& tag) {
        return Store::Storing{timeout_s, lifetime_s, waits_for_room, is_listed, tag};
      }));
  py::class_<Store>(module, "Store")
      .def_static("of_handle",
                  [](std::uintptr_t handle, double timeout_s) {
                    return std::make_unique<Store>(handle_of<locum_store>(handle), timeout_s);
                  })
      .def_property_readonly(
          "handle", [](const Store& store) { return reinterpret_cast<std::uintptr_t>(store.handle()); })
      .def("get_async", &Store::get_async)
      .def("wait_async", &Store::wait_async)
      .def("put_async", &Store::put_async)
      .def("read_async", &Store::read_async)
      .def("get_batch", &Store::get_batch)
      .def("put_batch", &Store::put_batch)
      .def("evict_batch", &Store::evict_batch)
      .def("proxy", &Store::proxy)
      .def("close", &Store::close)
      .def_property_readonly("is_open", &Store::is_open)
      .def("collection", &Store::collection)
      .def("get", &Store::get)
      .def("get_or", &Store::get_or)
      .def("wait", &Store::wait)
      .def("get_bytes", &Store::get_bytes)
      .def("read", &Store::read)
      .def("put", &Store::put)
      .def("replace", &Store::replace)
      .def("create", &Store::create)
      .def("create_encoded", &Store::create_encoded)
      .def("fetch_add", &Store::fetch_add)
      .def("info", &Store::info)
      .def("exists", &Store::exists)
      .def("evict", &Store::evict)
      .def("keys", &Store::keys)
      .def("size", &Store::size)
      .def("clear", &Store::clear);
}

}  // namespace locum::python
