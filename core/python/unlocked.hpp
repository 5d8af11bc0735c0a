#pragma once

#include <pybind11/pybind11.h>

#include <locum/locum.h>

namespace locum::python {

/// Calls a function of the C interface without the interpreter's lock, and returns its status. REQUIRES: the
/// calling thread has the lock; `call` throws nothing and touches no Python object.
///
/// No destructor takes the lock: in a process that ends, a daemon thread that asks for it is ended there, and
/// its stack unwound, which a destructor does not allow.
template <class Call>
locum_status unlocked(Call call) {
  PyThreadState* const thread = PyEval_SaveThread();
  const locum_status status = call();
  PyEval_RestoreThread(thread);
  return status;
}

}  // namespace locum::python
