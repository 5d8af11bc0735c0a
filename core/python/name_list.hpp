#pragma once

#include <pybind11/pybind11.h>

#include <cstddef>
#include <vector>

#include "core/python/name.hpp"

namespace locum::python {

/// Names of a list, or paths, as the C interface takes them.
class NameList {
 public:
  /// REQUIRES: the list outlives this, unchanged.
  explicit NameList(const pybind11::list& names) {
    names_.reserve(names.size());
    for (const pybind11::handle name : names) {
      texts_.push_back(names_.emplace_back(name).c_str());
    }
  }
  [[nodiscard]] std::size_t size() const noexcept { return texts_.size(); }
  [[nodiscard]] const char* const* c_strings() const noexcept { return texts_.data(); }

 private:
  std::vector<Name> names_;
  std::vector<const char*> texts_;
};

}  // namespace locum::python
