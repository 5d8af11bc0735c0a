#pragma once

#include <pybind11/pybind11.h>

#include <locum/locum.h>

namespace locum::python {

/// Calls `call(context)`, which calls the interpreter in a way that may release its lock, as all that runs
/// code in Python does. In a process that ends, a thread that asks for the lock is ended there, and its stack
/// unwound, whose destructors would release Python objects without the lock: it stops here, until the process
/// has ended. REQUIRES: `call` has no objects of Python of its own.
void with_thread_kept(void (*call)(void* context), void* context);
/// Overload that returns what the call returns.
template <class Call>
auto with_thread_kept(Call call) {
  struct Called {
    Call& call;
    decltype(call()) result{};
  } called{call};
  with_thread_kept(
      [](void* context) {
        auto& self = *static_cast<Called*>(context);
        self.result = self.call();
      },
      &called);
  return called.result;
}

/// Takes the interpreter's lock again. In a process that ends, the thread stops here.
void lock_again(PyThreadState* thread);

/// Calls a function of the C interface without the interpreter's lock, and returns its status. REQUIRES: the
/// calling thread has the lock; `call` throws nothing and touches no Python object.
template <class Call>
locum_status unlocked(Call call) {
  PyThreadState* const thread = PyEval_SaveThread();
  const locum_status status = call();
  lock_again(thread);
  return status;
}

}  // namespace locum::python
