#include "core/python/unlocked.hpp"

#include <cxxabi.h>
#include <unistd.h>

namespace locum::python {

// The unwinding comes here first, and goes no further.
void lock_again(PyThreadState* thread) {
  try {
    PyEval_RestoreThread(thread);
  } catch (const abi::__forced_unwind&) {
    for (;;) {
      (void)pause();
    }
  }
}

}  // namespace locum::python
