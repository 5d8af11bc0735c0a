#pragma once

#include "core/value/result.hpp"
#include "core/view.hpp"

namespace locum::tests {

/// A copy of the value that a get returned.
template <class T>
[[nodiscard]] T copy_of(const Result<View<T>>& found) {
  const View<T> view = found.value();
  return *view;
}

}  // namespace locum::tests
