#include "core/python/writer.hpp"

#include <memory>
#include <utility>

#include "core/python/array.hpp"
#include "core/python/error.hpp"
#include "core/python/unlocked.hpp"

namespace py = pybind11;

namespace locum::python {

namespace {

constexpr const char* draft_name = "locum.draft";

/// The memory of an object that was not sealed.
struct Draft {
  locum_writer writer;

  explicit Draft(locum_writer taken) noexcept : writer(taken) {}
  Draft(const Draft&) = delete;
  Draft& operator=(const Draft&) = delete;
  ~Draft() {
    if (writer != nullptr) {
      (void)locum_writer_discard(&writer);
    }
  }
};

}  // namespace

Writer::Writer(locum_writer writer, const locum_array& array) {
  auto draft = std::make_unique<Draft>(writer);
  auto owner =
      py::reinterpret_steal<py::object>(PyCapsule_New(draft.get(), draft_name, [](PyObject* capsule) {
        delete static_cast<Draft*>(PyCapsule_GetPointer(capsule, draft_name));
      }));
  if (!owner) {
    throw py::error_already_set();
  }
  (void)draft.release();
  array_ = array_over(array, 0, std::move(owner), true);
}

py::object Writer::array() const {
  return is_open() ? array_ : py::none();
}

bool Writer::is_shared() const {
  return is_open() && has_other_users(array_);
}

locum_writer Writer::taken() {
  if (!is_open()) {  // by another thread, which has let go of the interpreter's lock
    raise(LOCUM_INVALID_ARGUMENT, "invalid_argument: the object was sealed or discarded; create another one");
  }
  auto* const draft = static_cast<Draft*>(PyCapsule_GetPointer(memory_owner(array_).ptr(), draft_name));
  locum_writer writer = std::exchange(draft->writer, nullptr);
  array_ = py::object();  // the last reference to memory that is the store's from here on
  return writer;
}

locum_key Writer::seal(double timeout_s) {
  locum_writer writer = taken();
  locum_key key{};
  check(unlocked([&] { return locum_writer_seal(&writer, timeout_s, &key); }));
  return key;
}

locum_key Writer::replace(std::uint64_t expected_generation, double timeout_s) {
  locum_writer writer = taken();
  locum_key key{};
  check(unlocked([&] { return locum_writer_replace(&writer, expected_generation, timeout_s, &key); }));
  return key;
}

std::unique_ptr<Future> Writer::seal_async(double timeout_s) {
  locum_writer writer = taken();
  locum_future future = nullptr;
  check(unlocked([&] { return locum_writer_seal_async(&writer, timeout_s, &future); }));
  return std::make_unique<Future>(future);
}

void define_writer(py::module_& module) {
  py::class_<Writer>(module, "Writer")
      .def_property_readonly("array", &Writer::array)
      .def_property_readonly("is_open", &Writer::is_open)
      .def_property_readonly("is_shared", &Writer::is_shared)
      .def("seal", &Writer::seal)
      .def("replace", &Writer::replace)
      .def("seal_async", &Writer::seal_async)
      .def("discard", &Writer::discard);
}

}  // namespace locum::python
