#pragma once

#include <pybind11/pybind11.h>

#include <locum/locum.h>

#include "core/python/unlocked.hpp"

namespace locum::python {

/// A view of an object, which stays in place as long as this exists. Its end waits for nothing, and needs no
/// lock of the interpreter.
class Pin {
 public:
  Pin() = default;
  Pin(const Pin&) = delete;
  Pin& operator=(const Pin&) = delete;
  ~Pin() {
    if (holds_) {
      (void)locum_view_release(&view_);
    }
  }
  /// Calls `get`, without the interpreter's lock, with the view to be filled. Returns its status.
  template <class Get>
  locum_status fill(Get get) {
    const locum_status status = unlocked([&] { return get(&view_); });
    holds_ = status == LOCUM_OK;
    return status;
  }
  /// Takes over a view that holds an object. REQUIRES: this holds none. A view may be moved by those who fill
  /// it.
  void take(const locum_view& view) noexcept {
    view_ = view;
    holds_ = true;
  }
  [[nodiscard]] const locum_view& view() const noexcept { return view_; }

 private:
  locum_view view_;
  bool holds_ = false;
};

}  // namespace locum::python
