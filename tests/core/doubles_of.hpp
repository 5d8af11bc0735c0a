#pragma once

#include <cstring>
#include <vector>

#include "core/raw_view.hpp"

namespace locum::tests {

/// The bytes of an object, as doubles.
inline std::vector<double> doubles_of(const RawView& view) {
  std::vector<double> values(view.bytes().size() / sizeof(double));
  if (!values.empty()) {
    std::memcpy(values.data(), view.bytes().data(), values.size() * sizeof(double));
  }
  return values;
}

}  // namespace locum::tests
