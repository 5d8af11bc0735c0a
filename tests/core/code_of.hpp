#pragma once

#include "core/value/result.hpp"

namespace locum::tests {

/// The code of its error; none, `Errc{}`, of a value.
template <class T>
[[nodiscard]] Errc code_of(const Result<T>& result) {
  return result ? Errc{} : result.error().code();
}

}  // namespace locum::tests
