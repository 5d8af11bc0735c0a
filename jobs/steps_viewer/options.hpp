#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "jobs/steps_viewer/slice.hpp"

namespace steps_viewer {

enum class Command { list, print, draw, statistics };

/// What the command line asks for.
struct ViewerOptions {
  Command command = Command::list;
  std::string stream;
  std::vector<std::string> variables;  ///< one, but for statistics: none are all
  std::optional<Slice> slice;
  std::optional<int> writer;  ///< whose local array or value

  // Which steps are shown.
  std::uint64_t steps = 0;   ///< that many, then it leaves the stream; 0: all
  std::uint64_t every = 1;   ///< those whose number it divides
  double interval_s = 0.0;   ///< no two within that time
  bool latest = false;       ///< the newest one each time
  double timeout_s = 600.0;  ///< longest wait for a step

  int splits = 1;  ///< calls of MPI_Comm_split by the other programs, before they open their runtimes

  bool all = false;       ///< prints all elements
  int digits = 6;         ///< of reals
  std::size_t width = 0;  ///< letters of a line; 0: those of the terminal

  std::string output;     ///< the pictures' path, with %d or %05d for the number of the step
  bool terminal = false;  ///< draws in letters instead
  std::optional<double> minimum;
  std::optional<double> maximum;
};

/// What the command line asks for instead.
struct HelpWanted {
  std::string text;
};
struct UsageError {
  std::string message;
};

/// Reads the arguments behind the program's name.
std::variant<ViewerOptions, HelpWanted, UsageError> parse_options(std::vector<std::string> arguments);

/// A path with the number of a step in the place of its `%d` or `%05d`. Throws std::invalid_argument if there
/// is another `%` than in `%%`.
std::string path_of_step(const std::string& pattern, std::uint64_t step);

}  // namespace steps_viewer
