#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <cstdint>

#include <locum/locum.h>

namespace locum::python {

/// A call that is carried out while the program computes; see locum.h.
class Future {
 public:
  explicit Future(locum_future future) noexcept : future_(future) {}
  /// Overload of a call that uses memory of Python until it has ended.
  Future(locum_future future, pybind11::object memory) noexcept
      : future_(future), memory_(std::move(memory)) {}
  Future(const Future&) = delete;
  Future& operator=(const Future&) = delete;
  /// Cancels a call that has not ended.
  ~Future() { (void)locum_future_release(&future_); }

  /// Returns the number of the handle, for calls of other modules.
  [[nodiscard]] std::uintptr_t handle() const noexcept { return reinterpret_cast<std::uintptr_t>(future_); }
  [[nodiscard]] bool ready() const;
  /// Block until the call has ended, or Ctrl-C ends the wait; give what the call gives.
  [[nodiscard]] pybind11::object view(double timeout_s) const;
  [[nodiscard]] locum_key key(double timeout_s) const;
  void wait(double timeout_s) const;
  void cancel() const;
  /// Calls the function when the call has ended, on a thread of the library.
  void then(pybind11::object function) const;

 private:
  template <class Call>
  void wait_for(double timeout_s, Call call) const;

  locum_future future_;
  pybind11::object memory_;
};

void define_futures(pybind11::module_& module);

}  // namespace locum::python
