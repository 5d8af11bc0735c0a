#pragma once

#include <pybind11/pybind11.h>

#include <cstddef>

#include <locum/locum.h>

#include "core/python/name.hpp"

namespace locum::python {

/// Names that the C interface has given; released with this.
struct GivenNames {
  locum_names names{};

  GivenNames() = default;
  GivenNames(const GivenNames&) = delete;
  GivenNames& operator=(const GivenNames&) = delete;
  ~GivenNames() { (void)locum_names_release(&names); }

  [[nodiscard]] pybind11::list list() const {
    pybind11::list all(names.count);
    for (std::size_t at = 0; at < names.count; ++at) {
      all[at] = text_of(names.names[at]);
    }
    return all;
  }
  /// REQUIRES: there is one.
  [[nodiscard]] pybind11::str only() const { return text_of(names.names[0]); }
};

}  // namespace locum::python
