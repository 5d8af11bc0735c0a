#include "core/python/callbacks.hpp"

#include <unistd.h>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <utility>

namespace py = pybind11;

namespace locum::python {

namespace {

/// Whether callbacks may run, and how many do. Never destroyed: threads of the library may be later.
struct Gate {
  std::mutex mutex;
  std::condition_variable idle;
  bool is_open = true;
  int inside = 0;

  const pid_t process = getpid();

  // In a forked child a thread of the parent may hold the lock, and be inside.
  [[nodiscard]] bool is_inherited() const { return getpid() != process; }

  bool enter() {
    if (is_inherited()) {
      return false;
    }
    const std::scoped_lock lock(mutex);
    inside += is_open ? 1 : 0;
    return is_open;
  }
  void leave() {
    const std::scoped_lock lock(mutex);
    if (--inside == 0) {
      idle.notify_all();
    }
  }
  void close() {
    if (is_inherited()) {
      return;
    }
    std::unique_lock lock(mutex);
    is_open = false;
    idle.wait(lock, [&] { return inside == 0; });
  }
};

Gate& gate() {
  static auto& made = *new Gate;
  return made;
}

}  // namespace

void Callback::run(void* callback) noexcept {
  const std::unique_ptr<Callback> self(static_cast<Callback*>(callback));
  if (!gate().enter()) {
    return;  // the function is not released: the interpreter may be gone
  }
  const PyGILState_STATE state = PyGILState_Ensure();
  PyObject* const result = PyObject_CallNoArgs(self->function_);
  if (result == nullptr) {
    PyErr_WriteUnraisable(self->function_);
  }
  Py_XDECREF(result);
  Py_DECREF(self->function_);
  PyGILState_Release(state);
  gate().leave();
}

void define_callbacks(py::module_& module) {
  (void)gate();  // made in the process that imports the module
  module.def("stop_callbacks", [] {
    Gate& all = gate();
    const py::gil_scoped_release unlocked;
    all.close();
  });
}

}  // namespace locum::python
