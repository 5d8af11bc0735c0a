#pragma once

#include <sys/types.h>

#include <functional>
#include <string>

namespace locum::tests {

/// How a child process ended.
struct Ending {
  int exit_code = -1;  ///< 0: the body returned; 1: it threw; -1: a signal ended it
  int signal = 0;
  std::string said;  ///< what the body returned, or the text of what it threw
};

/// A forked process that runs `body` and exits; for what must not happen to the test itself: limits,
/// namespaces, signals, death. Expectations that fail in the body make it end with code 3. It is killed by
/// SIGALRM after `deadline_seconds`, and by the destructor if nobody waited for it.
class Child {
 public:
  explicit Child(const std::function<std::string()>& body, int deadline_seconds = 60);
  Child(Child&& other) noexcept;
  Child& operator=(Child&&) = delete;
  ~Child();

  /// Ends it at once, as the out-of-memory killer does.
  void kill() const;
  /// As a debugger or a scheduler does; it stands still when this returns. kill() ends it none the less.
  void stop() const;
  [[nodiscard]] pid_t id() const noexcept { return pid_; }
  [[nodiscard]] Ending wait();

 private:
  pid_t pid_ = -1;
  int pipe_ = -1;
};

/// One child, to its end.
[[nodiscard]] inline Ending in_child(const std::function<std::string()>& body) {
  return Child(body).wait();
}

}  // namespace locum::tests
