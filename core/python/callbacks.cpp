#include "core/python/callbacks.hpp"

#include <memory>

#include "core/python/exit_gate.hpp"

namespace py = pybind11;

namespace locum::python {

void Callback::run(void* callback) noexcept {
  const std::unique_ptr<Callback> self(static_cast<Callback*>(callback));
  if (!ExitGate::of_process().enter()) {
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
  ExitGate::of_process().leave();
}

void define_callbacks(py::module_& module) {
  ExitGate& gate = ExitGate::of_process();
  module.def("stop_callbacks", [&gate] {
    const py::gil_scoped_release unlocked;
    gate.close();
  });
  module.def("interrupt",
             [](unsigned long thread) { (void)PyThreadState_SetAsyncExc(thread, PyExc_KeyboardInterrupt); });
}

}  // namespace locum::python
