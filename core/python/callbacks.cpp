#include "core/python/callbacks.hpp"

#include <chrono>
#include <cstdio>
#include <memory>

#include "core/python/exit_gate.hpp"
#include "core/python/unlocked.hpp"

namespace py = pybind11;

namespace locum::python {

namespace {

/// Waits for code in Python that the library has called, for some seconds; Ctrl-C ends that.
void stop_callbacks() {
  constexpr std::chrono::seconds longest{5};
  constexpr std::chrono::milliseconds between_signals{200};
  ExitGate& gate = ExitGate::of_process();
  const auto until = std::chrono::steady_clock::now() + longest;
  for (bool is_first = true;; is_first = false) {
    bool is_anybody_left = false;
    {
      const py::gil_scoped_release unlocked;
      if (is_first) {
        gate.close();
      }
      is_anybody_left = gate.wait_for_those_inside(between_signals);
    }
    if (!is_anybody_left) {
      return;
    }
    const bool is_interrupted = PyErr_CheckSignals() != 0;
    if (is_interrupted || std::chrono::steady_clock::now() >= until) {
      gate.leave_behind();
    }
    if (is_interrupted) {
      throw py::error_already_set();
    }
    if (gate.are_left_behind()) {
      (void)std::fprintf(stderr,
                         "locum: code of a format, a backend or a callback in Python has not returned within "
                         "%d s of the end of "
                         "the program, and is left behind; end what it waits for before\n",
                         static_cast<int>(longest.count()));
      return;
    }
  }
}

}  // namespace

void Callback::run(void* callback) noexcept {
  const std::unique_ptr<Callback> self(static_cast<Callback*>(callback));
  if (!ExitGate::of_process().enter()) {
    return;  // the function is not released: the interpreter may be gone
  }
  const PyGILState_STATE state = with_thread_kept([] { return PyGILState_Ensure(); });
  PyObject* const result = with_thread_kept([&] { return PyObject_CallNoArgs(self->function_); });
  if (result == nullptr) {
    PyErr_WriteUnraisable(self->function_);
  }
  Py_XDECREF(result);
  Py_DECREF(self->function_);
  PyGILState_Release(state);
  ExitGate::of_process().leave();
}

void define_callbacks(py::module_& module) {
  module.def("stop_callbacks", &stop_callbacks);
  module.def("interrupt",
             [](unsigned long thread) { (void)PyThreadState_SetAsyncExc(thread, PyExc_KeyboardInterrupt); });
}

}  // namespace locum::python
