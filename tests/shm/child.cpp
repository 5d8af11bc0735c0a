#include "tests/shm/child.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdio>
#include <exception>
#include <stdexcept>
#include <utility>

namespace locum::tests {
namespace {

int failed_expectations() {
  const auto* const test = testing::UnitTest::GetInstance()->current_test_info();
  int failed = 0;
  for (int at = 0; test != nullptr && at < test->result()->total_part_count(); ++at) {
    failed += test->result()->GetTestPartResult(at).failed() ? 1 : 0;
  }
  return failed;
}

[[noreturn]] void run(const std::function<std::string()>& body, int pipe) {
  std::string text;
  int code = 0;
  const int failed_before = failed_expectations();  // in the parent, before it forked
  try {
    text = body();
  } catch (const std::exception& failure) {
    text = failure.what();
    code = 1;
  }
  if (failed_expectations() != failed_before) {
    code = 3;
  }
  const ssize_t written = ::write(pipe, text.data(), text.size());
  ::_exit(written == static_cast<ssize_t>(text.size()) ? code : 2);
}

}  // namespace

Child::Child(const std::function<std::string()>& body, unsigned deadline_seconds) {
  std::array<int, 2> pipe{};
  if (::pipe(pipe.data()) != 0) {
    throw std::runtime_error("no pipe to a child process");
  }
  std::fflush(nullptr);  // what is not printed yet, the child would print once more
  pid_ = ::fork();
  if (pid_ == 0) {
    ::close(pipe[0]);
    ::alarm(deadline_seconds);
    run(body, pipe[1]);
  }
  pipe_ = pipe[0];
  ::close(pipe[1]);
}

Child::Child(Child&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), pipe_(std::exchange(other.pipe_, -1)) {}

Child::~Child() {
  if (pid_ > 0) {
    kill();
    static_cast<void>(wait());
  }
}

void Child::kill() const {
  ::kill(pid_, SIGKILL);
}

void Child::stop() const {
  ::kill(pid_, SIGSTOP);
  int status = 0;
  while (::waitpid(pid_, &status, WUNTRACED) < 0 && errno == EINTR) {
  }
}

Ending Child::wait() {
  Ending ending;
  std::array<char, 4096> piece{};
  for (;;) {
    const ssize_t length = ::read(pipe_, piece.data(), piece.size());
    if (length > 0) {
      ending.said.append(piece.data(), static_cast<std::size_t>(length));
    } else if (length == 0 || errno != EINTR) {
      break;
    }
  }
  ::close(std::exchange(pipe_, -1));
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  if (WIFEXITED(status)) {
    ending.exit_code = WEXITSTATUS(status);
  } else if (WIFSIGNALED(status)) {
    ending.signal = WTERMSIG(status);
  }
  return ending;
}

}  // namespace locum::tests
