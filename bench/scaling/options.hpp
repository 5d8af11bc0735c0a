#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <vector>

namespace scaling {

/// What the command line asks for.
struct Options {
  std::vector<std::string> cases;  ///< empty: all
  std::vector<std::uint64_t> sizes{8, 4096, std::uint64_t{1} << 20U};
  std::string mode = "weak";  ///< weak, strong, both
  double seconds = 1;         ///< for each row
  std::uint64_t record_bytes = 1000;
  std::uint64_t memory_bytes = 0;  ///< of a node; 0: by the sizes
  double timeout = 120;            ///< seconds
  std::string json;                ///< file; empty: none
  bool list = false;

  /// Adds the options to a program.
  void add_to(CLI::App& app);
};

}  // namespace scaling
