#include "core/python/futures.hpp"

#include <memory>
#include <utility>

#include "core/python/array.hpp"
#include "core/python/callbacks.hpp"
#include "core/python/error.hpp"
#include "core/python/handle.hpp"
#include "core/python/pin.hpp"
#include "core/python/unlocked.hpp"

namespace py = pybind11;

namespace locum::python {

bool Future::ready() const {
  bool ready = false;
  check(locum_future_ready(future_, &ready));
  return ready;
}

py::object Future::view(double timeout_s) const {
  locum_future future = future_;
  auto pin = std::make_unique<Pin>();
  check(pin->fill([&](locum_view* view) { return locum_future_view(future, timeout_s, view); }));
  return object_of(std::move(pin));
}

locum_key Future::key(double timeout_s) const {
  locum_future future = future_;
  locum_key key{};
  check(unlocked([&] { return locum_future_key(future, timeout_s, &key); }));
  return key;
}

void Future::wait(double timeout_s) const {
  locum_future future = future_;
  check(unlocked([&] { return locum_future_wait(future, timeout_s); }));
}

void Future::cancel() const {
  locum_future future = future_;
  check(unlocked([&] { return locum_future_cancel(future); }));
}

void Future::then(py::object function) const {
  auto callback = std::make_unique<Callback>(std::move(function));
  locum_future future = future_;
  check(unlocked([&] { return locum_future_then(future, Callback::run, callback.get()); }));
  (void)callback.release();
}

void define_futures(py::module_& module) {
  py::class_<Future>(module, "Future")
      .def_static(
          "of_handle",
          [](std::uintptr_t number) { return std::make_unique<Future>(handle_of<locum_future>(number)); })
      .def_property_readonly("handle", &Future::handle)
      .def("ready", &Future::ready)
      .def("view", &Future::view)
      .def("key", &Future::key)
      .def("wait", &Future::wait)
      .def("cancel", &Future::cancel)
      .def("then", &Future::then);
}

}  // namespace locum::python
