#pragma once

#include <cstdlib>
#include <string>

#include "tests/transport/storage/formats/checked_by_python.hpp"

namespace locum::tests {

inline constexpr const char* no_zarr2 = "there is no python3 with zarr-python 2 (Debian 12: python3-zarr)";

/// Returns the command of a Python with zarr-python 2; empty if there is none.
[[nodiscard]] inline std::string python_with_zarr2() {
  const std::string python = python_with("numpy, numcodecs, zarr");
  const bool is_version_2 =
      !python.empty() &&
      std::system(
          (python + " -c 'import sys, zarr; sys.exit(not zarr.__version__.startswith(\"2.\"))'").c_str()) ==
          0;
  return is_version_2 ? python : std::string();
}

}  // namespace locum::tests
