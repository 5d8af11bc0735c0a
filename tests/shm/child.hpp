#pragma once

#include <functional>
#include <string>

namespace locum::tests {

/// How a child process ended.
struct Ending {
  int exit_code = -1;  ///< -1 if a signal ended it
  int signal = 0;
  std::string said;  ///< what the body returned, or what it threw
};

/// Runs `body` in a forked process, which exits with 0 and the text that `body` returns, or with 1 and the
/// text of what it threw. Killed after `deadline_seconds`. For what must not happen to the test itself:
/// limits, namespaces, signals.
[[nodiscard]] Ending in_child(const std::function<std::string()>& body, int deadline_seconds = 30);

}  // namespace locum::tests
