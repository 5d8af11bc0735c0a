#pragma once

#include <pybind11/pybind11.h>

#include <locum/locum.h>

namespace locum::python {

/// A stand-in; see locum.h.
class StandIn {
 public:
  explicit StandIn(locum_proxy proxy) noexcept : proxy_(proxy) {}
  /// Makes one of the 64 bytes of a handle. ValueError if they are no 64.
  explicit StandIn(const pybind11::bytes& handle);
  StandIn(const StandIn&) = delete;
  StandIn& operator=(const StandIn&) = delete;
  ~StandIn() { (void)locum_proxy_release(&proxy_); }

  [[nodiscard]] pybind11::bytes handle() const;
  [[nodiscard]] pybind11::object get(double timeout_s) const;
  /// Returns (type, whether it is an array), without a transfer; type 0 if that is not known.
  [[nodiscard]] pybind11::tuple type() const;
  void prefetch() const;
  [[nodiscard]] bool ready() const;

 private:
  locum_proxy proxy_ = nullptr;
};

void define_stand_ins(pybind11::module_& module);

}  // namespace locum::python
