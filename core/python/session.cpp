#include "core/python/session.hpp"

#include <utility>

#include "core/python/error.hpp"
#include "core/python/name.hpp"
#include "core/python/unlocked.hpp"

namespace py = pybind11;

namespace locum::python {

Session::Session(py::handle url, double timeout_s, std::uint32_t most_threads) : timeout_s_(timeout_s) {
  const Name given(url);
  const locum_session_options options{timeout_s, most_threads, {}};
  check(unlocked([&] { return locum_session_open(given.c_str(), &options, &session_); }));
}

locum_status Session::end() noexcept {
  locum_session closing = std::exchange(session_, nullptr);
  return closing == nullptr ? LOCUM_OK : unlocked([&] { return locum_session_close(&closing); });
}

void Session::close() {
  check(end());
}

locum_session Session::handle() const {
  if (session_ == nullptr) {
    raise(LOCUM_CLOSED, "closed: this session was closed; open it anew");
  }
  return session_;
}

std::unique_ptr<Files> Session::files(py::handle url, double kept_s, double timeout_s) const {
  const Name given(url);
  const locum_files_options options{kept_s, timeout_s, {}};
  locum_session session = handle();
  locum_files opened = nullptr;
  check(unlocked([&] { return locum_files_open_with(session, given.c_str(), &options, &opened); }));
  return std::make_unique<Files>(opened);
}

std::unique_ptr<Store> Session::store(py::handle name) const {
  const Name given(name);
  locum_session session = handle();
  locum_store opened = nullptr;
  check(unlocked([&] { return locum_session_store(session, given.c_str(), &opened); }));
  return std::make_unique<Store>(opened, timeout_s_);
}

void define_session(py::module_& module) {
  py::class_<Session>(module, "Session")
      .def(py::init<py::handle, double, std::uint32_t>())
      .def("close", &Session::close)
      .def_property_readonly("is_open", &Session::is_open)
      .def("files", &Session::files)
      .def("store", &Session::store);
  module.def("open", [](py::handle url, double timeout_s, std::uint32_t most_threads) {
    const Name given(url);
    const locum_session_options options{timeout_s, most_threads, {}};
    locum_store opened = nullptr;
    check(unlocked([&] { return locum_open(given.c_str(), &options, &opened); }));
    return std::make_unique<Store>(opened, timeout_s);
  });
}

}  // namespace locum::python
