#pragma once

#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>

namespace locum::tests {

/// The output of tests/cmake/left_in_shm.sh with these arguments. REQUIRES: they need no quoting in a shell.
[[nodiscard]] inline std::string ask_left_in_shm(const std::string& arguments) {
  const std::string command = "sh '" LOCUM_LEFT_IN_SHM "' " + arguments;
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> output(::popen(command.c_str(), "r"), ::pclose);
  if (!output) {
    throw std::runtime_error("cannot run " + command);
  }
  std::string text;
  char some[4096];
  while (const std::size_t bytes = std::fread(some, 1, sizeof some, output.get())) {
    text.append(some, bytes);
  }
  return text;
}

/// Detects abandoned files: those that appear in /dev/shm after construction, and that no living process maps
/// or has open. Files of other running programs do not count.
class SharedFiles {
 public:
  /// A line for each abandoned file; empty: none. Checks for some seconds before it reports one.
  [[nodiscard]] std::string left() const { return ask_left_in_shm("since '" + before_ + "'"); }

 private:
  const std::string before_ = ask_left_in_shm("names");
};

}  // namespace locum::tests
