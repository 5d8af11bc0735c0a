#pragma once

#include <cstdlib>
#include <string>

#include "tests/transport/storage/formats/checked_by_python.hpp"

namespace locum::tests {

inline constexpr const char* no_zarr2 = "there is no python3 with zarr-python 2 (Debian 12: python3-zarr)";

/// Returns the command of a Python with zarr-python of a major version; empty if there is none.
[[nodiscard]] inline std::string python_with_zarr(const std::string& major) {
  const std::string python = python_with("numpy, numcodecs, zarr");
  const std::string check =
      " -c 'import sys, zarr; sys.exit(zarr.__version__.split(\".\")[0] != \"" + major + "\")'";
  return !python.empty() && std::system((python + check).c_str()) == 0 ? python : std::string();
}
[[nodiscard]] inline std::string python_with_zarr2() {
  return python_with_zarr("2");
}

}  // namespace locum::tests
