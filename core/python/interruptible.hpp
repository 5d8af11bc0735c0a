#pragma once

#include <algorithm>
#include <chrono>

#include <pybind11/pybind11.h>

#include <locum/locum.h>

namespace locum::python {

/// Makes a call that waits, in pieces: between them the interpreter handles signals, so that Ctrl-C ends the
/// wait of its main thread within half a second. REQUIRES: the calling thread has the interpreter's lock,
/// which `call` may release. \param whole_s as the C interface takes it, but not 0
/// \param call waits for so many seconds: LOCUM_TIMEOUT if that was too short
/// \param has_ended whether what is waited for has ended, perhaps by a LOCUM_TIMEOUT of its own
template <class Call, class HasEnded>
locum_status interruptible(double whole_s, Call call, HasEnded has_ended) {
  using Clock = std::chrono::steady_clock;
  constexpr double between_signals_s = 0.5;  // longer than it takes to learn that a promise was broken
  const auto began = Clock::now();
  for (double left_s = whole_s;;) {
    const bool is_last = left_s <= between_signals_s;
    const locum_status status = call(std::min(left_s, between_signals_s));
    if (status != LOCUM_TIMEOUT || is_last) {
      return status;
    }
    if (PyErr_CheckSignals() != 0) {
      throw pybind11::error_already_set();
    }
    left_s = has_ended() ? 0 : whole_s - std::chrono::duration<double>(Clock::now() - began).count();
    if (left_s <= 0) {
      left_s = LOCUM_AT_ONCE;
    }
  }
}

}  // namespace locum::python
