#include "core/python/unlocked.hpp"

#include <cxxabi.h>
#include <unistd.h>

namespace locum::python {

void with_thread_kept(void (*call)(void* context), void* context) {
  try {
    call(context);
  } catch (const abi::__forced_unwind&) {
    for (;;) {
      (void)pause();
    }
  }
}

void lock_again(PyThreadState* thread) {
  with_thread_kept([](void* state) { PyEval_RestoreThread(static_cast<PyThreadState*>(state)); }, thread);
}

}  // namespace locum::python
