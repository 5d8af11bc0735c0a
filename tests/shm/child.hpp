#pragma once

#include <sys/types.h>

#include <functional>
#include <string>

namespace locum::tests {

/// After this time a process of a test is taken to hang, also on a machine that is ten times slower. It is
/// shorter than the time limit of ctest.
constexpr unsigned hangs_after_seconds = 400;

/// The outcome of a child process.
struct Ending {
  int exit_code = -1;  ///< 0: the body returned; 1: it threw an exception; -1: a signal ended the process
  int signal = 0;
  std::string said;  ///< what the body returned, or the exception's text
};

/// A forked process that runs `body` and exits; for things that must not happen to the test itself: limits,
/// namespaces, signals, death. Expectations that fail in the body make it exit with code 3. It is killed by
/// SIGALRM after `deadline_seconds`, and by the destructor if nobody has waited for it.
class Child {
 public:
  explicit Child(const std::function<std::string()>& body, unsigned deadline_seconds = hangs_after_seconds);
  Child(Child&& other) noexcept;
  Child& operator=(Child&&) = delete;
  ~Child();

  /// Kills it at once, like the out-of-memory killer.
  void kill() const;
  /// Stops it, as a debugger does; it is stopped when this returns. kill() still ends it.
  void stop() const;
  [[nodiscard]] pid_t id() const noexcept { return pid_; }
  [[nodiscard]] Ending wait();

 private:
  pid_t pid_ = -1;
  int pipe_ = -1;
};

/// Runs one child, and waits for its end.
[[nodiscard]] inline Ending in_child(const std::function<std::string()>& body) {
  return Child(body).wait();
}

}  // namespace locum::tests
