#include "core/python/futures.hpp"

#include <limits>
#include <memory>
#include <utility>

#include "core/python/array.hpp"
#include "core/python/callbacks.hpp"
#include "core/python/error.hpp"
#include "core/python/handle.hpp"
#include "core/python/interruptible.hpp"
#include "core/python/pin.hpp"
#include "core/python/unlocked.hpp"

namespace py = pybind11;

namespace locum::python {

bool Future::ready() const {
  bool ready = false;
  check(locum_future_ready(future_, &ready));
  return ready;
}

// Without a duration until the call has ended, which has a deadline of its own.
template <class Call>
void Future::wait_for(double timeout_s, Call call) const {
  const double whole_s = timeout_s != 0 ? timeout_s : std::numeric_limits<double>::infinity();
  check(interruptible(whole_s, call, [this] { return ready(); }));
}

py::object Future::view(double timeout_s) const {
  auto pin = std::make_unique<Pin>();
  wait_for(timeout_s, [&, future = future_](double piece_s) {
    return pin->fill([&](locum_view* view) { return locum_future_view(future, piece_s, view); });
  });
  return object_of(std::move(pin));
}

locum_key Future::key(double timeout_s) const {
  locum_key key{};
  wait_for(timeout_s, [&, future = future_](double piece_s) {
    return unlocked([&] { return locum_future_key(future, piece_s, &key); });
  });
  return key;
}

void Future::wait(double timeout_s) const {
  wait_for(timeout_s, [future = future_](double piece_s) {
    return unlocked([&] { return locum_future_wait(future, piece_s); });
  });
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
