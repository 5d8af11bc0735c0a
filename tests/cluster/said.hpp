#pragma once

#include <sys/stat.h>

#include <chrono>
#include <optional>

#include "tests/mpi/survivor.hpp"

namespace locum::tests {

/// A script says by an empty file beside LOCUM_TEST_SHARED that something happens; this long ago.
inline std::optional<std::chrono::milliseconds> said(const char* what) {
  struct stat file {};
  if (stat((setting("LOCUM_TEST_SHARED") + '.' + what).c_str(), &file) != 0) {
    return std::nullopt;
  }
  const auto then =
      std::chrono::seconds(file.st_mtim.tv_sec) + std::chrono::nanoseconds(file.st_mtim.tv_nsec);
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now - then);
}

}  // namespace locum::tests
