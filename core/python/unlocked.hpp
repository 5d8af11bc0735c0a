#pragma once

#include <pybind11/pybind11.h>

#include <locum/locum.h>

namespace locum::python {

/// Takes the interpreter's lock again. In a process that ends, a daemon thread that asks for it is ended
/// there, and its stack unwound: destructors would release Python objects without the lock. So it stops here,
/// until the process has ended.
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
