#pragma once

#include <cstdint>

namespace locum::python {

/// Returns the handle of the C interface that was a number between modules, and in Python.
template <class Handle>
[[nodiscard]] Handle handle_of(std::uintptr_t number) noexcept {
  return reinterpret_cast<Handle>(number);  // NOLINT(performance-no-int-to-ptr): handles are numbers
}

}  // namespace locum::python
