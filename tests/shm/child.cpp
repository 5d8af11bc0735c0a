#include "tests/shm/child.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <exception>

namespace locum::tests {

Ending in_child(const std::function<std::string()>& body, int deadline_seconds) {
  std::array<int, 2> pipe{};
  if (::pipe(pipe.data()) != 0) {
    return {.said = "no pipe"};
  }
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(static_cast<unsigned>(deadline_seconds));  // ends the child with SIGALRM
    std::string text;
    int code = 0;
    try {
      text = body();
    } catch (const std::exception& failure) {
      text = failure.what();
      code = 1;
    }
    const ssize_t written = ::write(pipe[1], text.data(), text.size());
    ::_exit(written == static_cast<ssize_t>(text.size()) ? code : 2);
  }
  ::close(pipe[1]);
  Ending ending;
  std::array<char, 4096> piece{};
  for (;;) {
    const ssize_t length = ::read(pipe[0], piece.data(), piece.size());
    if (length > 0) {
      ending.said.append(piece.data(), static_cast<std::size_t>(length));
    } else if (length == 0 || errno != EINTR) {
      break;
    }
  }
  ::close(pipe[0]);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status)) {
    ending.exit_code = WEXITSTATUS(status);
  } else if (WIFSIGNALED(status)) {
    ending.signal = WTERMSIG(status);
  }
  return ending;
}

}  // namespace locum::tests
