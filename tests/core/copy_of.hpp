#pragma once

#include "core/result.hpp"
#include "core/view.hpp"

namespace locum::tests {

/// The value of what a get returned, by itself.
template <class T>
[[nodiscard]] T copy_of(const Result<View<T>>& found) {
  const View<T> view = found.value();
  return *view;
}

}  // namespace locum::tests
