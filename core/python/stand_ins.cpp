#include "core/python/stand_ins.hpp"

#include <pybind11/numpy.h>

#include <cstring>
#include <memory>
#include <string>
#include <utility>

#include "core/python/array.hpp"
#include "core/python/error.hpp"
#include "core/python/handle.hpp"
#include "core/python/name.hpp"
#include "core/python/pin.hpp"
#include "core/python/unlocked.hpp"

namespace py = pybind11;

namespace locum::python {

namespace {

/// A promise; see locum.h.
class Promise {
 public:
  explicit Promise(locum_promise promise) noexcept : promise_(promise) {}
  Promise(const Promise&) = delete;
  Promise& operator=(const Promise&) = delete;
  ~Promise() { (void)locum_promise_release(&promise_); }

  [[nodiscard]] std::unique_ptr<StandIn> proxy() const {
    locum_proxy proxy = nullptr;
    check(locum_promise_proxy(promise_, &proxy));
    return std::make_unique<StandIn>(proxy);
  }
  [[nodiscard]] locum_key set(const py::array& array, int type, const py::str& type_name,
                              double timeout_s) const {
    const Name type_text(type_name);
    const locum_array value = described(array, type, type_text.c_str());
    locum_promise promise = promise_;
    locum_key key{};
    check(unlocked([&] { return locum_promise_set(promise, &value, timeout_s, &key); }));
    return key;
  }

 private:
  locum_promise promise_;
};

}  // namespace

StandIn::StandIn(const py::bytes& handle) {
  const auto bytes = static_cast<std::string>(handle);
  locum_handle received;
  if (bytes.size() != sizeof received) {
    throw py::value_error("a handle has 64 bytes; these are " + std::to_string(bytes.size()));
  }
  std::memcpy(&received, bytes.data(), sizeof received);
  check(locum_proxy_of_handle(&received, &proxy_));
}

py::bytes StandIn::handle() const {
  locum_handle handle{};
  check(locum_proxy_handle_of(proxy_, &handle));
  return {reinterpret_cast<const char*>(&handle), sizeof handle};
}

py::object StandIn::get(double timeout_s) const {
  locum_proxy proxy = proxy_;
  auto pin = std::make_unique<Pin>();
  check(pin->fill([&](locum_view* view) { return locum_proxy_get(proxy, timeout_s, view); }));
  return object_of(std::move(pin));
}

py::tuple StandIn::type() const {
  locum_proxy proxy = proxy_;
  std::int32_t type = LOCUM_NO_TYPE;
  bool is_array = false;
  check(unlocked([&] { return locum_proxy_type(proxy, 0, &type, &is_array); }));
  return py::make_tuple(type, is_array);
}

void StandIn::prefetch() const {
  locum_proxy proxy = proxy_;
  check(unlocked([&] { return locum_proxy_prefetch(proxy); }));
}

bool StandIn::ready() const {
  bool ready = false;
  check(locum_proxy_ready(proxy_, &ready));
  return ready;
}

void define_stand_ins(py::module_& module) {
  py::class_<StandIn>(module, "StandIn")
      .def_static(
          "of_number",
          [](std::uintptr_t number) { return std::make_unique<StandIn>(handle_of<locum_proxy>(number)); })
      .def(py::init<const py::bytes&>())
      .def("handle", &StandIn::handle)
      .def("get", &StandIn::get)
      .def("type", &StandIn::type)
      .def("prefetch", &StandIn::prefetch)
      .def("ready", &StandIn::ready);
  py::class_<Promise>(module, "Promise").def("proxy", &Promise::proxy).def("set", &Promise::set);
  module.def("promise", [](std::uintptr_t store, const py::object& name, double timeout_s) {
    const MaybeName given(name);
    locum_promise promise = nullptr;
    check(unlocked([&] {
      return locum_promise_make(handle_of<locum_store>(store), given.c_str(), timeout_s, &promise);
    }));
    return std::make_unique<Promise>(promise);
  });
}

}  // namespace locum::python
