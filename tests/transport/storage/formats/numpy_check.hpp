#pragma once

#include <array>
#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/transport/storage/formats/checked_by_python.hpp"

namespace locum::tests {

/// Returns a Python that has NumPy; empty if there is none.
inline const std::string& python_with_numpy() {
  static const std::string found = python_with("numpy");
  return found;
}
inline constexpr const char* no_numpy = "there is no python3 with NumPy (Debian: python3-numpy)";

/// Runs npy_check.py, beside this file; returns what it prints if it fails. \param task `write arrays`
inline std::string check_with_numpy(const std::string& task, const std::string& folder) {
  const std::filesystem::path script = beside_these_tests("npy_check.py");
  const std::string command =
      python_with_numpy() + " -W ignore '" + script.string() + "' " + task + " '" + folder + "' 2>&1";
  FILE* const pipe = ::popen(command.c_str(), "r");
  std::array<char, 4096> some{};
  std::string printed;
  for (std::size_t count = 1; count > 0;) {
    count = std::fread(some.data(), 1, some.size(), pipe);
    printed.append(some.data(), count);
  }
  return ::pclose(pipe) == 0 ? "" : "failed: " + printed;
}

/// Returns the bytes of the elements that pattern() in npy_check.py makes.
inline std::vector<std::byte> numpy_pattern(std::size_t bytes, bool is_bool) {
  std::vector<std::byte> made(bytes);
  for (std::size_t at = 0; at < bytes; ++at) {
    made[at] = static_cast<std::byte>((at * 31 + at / 7 + 7) & (is_bool ? 1U : 0xFFU));
  }
  return made;
}

}  // namespace locum::tests
