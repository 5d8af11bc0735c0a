#include "jobs/gray_scott/progress.hpp"

#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace {

using gray_scott::Progress;

std::string printed_by(bool prints) {
  testing::internal::CaptureStdout();
  {
    Progress progress(prints);
    progress.show("step 1");
    progress.show("step 2");
  }
  return testing::internal::GetCapturedStdout();
}

TEST(Progress, PrintsLinesWhereThereIsNoTerminal) {
  EXPECT_EQ(printed_by(true), "step 1\nstep 2\n");
  EXPECT_EQ(printed_by(false), "");
}

// During its lifetime standard output is a terminal.
class Terminal {
 public:
  Terminal() : saved_(dup(STDOUT_FILENO)) {
    std::fflush(stdout);
    int inner = -1;
    if (openpty(&outer_, &inner, nullptr, nullptr, nullptr) == 0) {
      dup2(inner, STDOUT_FILENO);
      close(inner);
    }
  }
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;
  ~Terminal() {
    std::fflush(stdout);
    dup2(saved_, STDOUT_FILENO);
    close(saved_);
    close(outer_);
  }

  std::string read_shown() const {
    std::array<char, 256> text{};
    pollfd shown{outer_, POLLIN, 0};
    if (poll(&shown, 1, 5000) != 1) {
      return "nothing within five seconds";
    }
    const auto count = read(outer_, text.data(), text.size());
    return {text.data(), count > 0 ? static_cast<std::size_t>(count) : 0};
  }

 private:
  int saved_;
  int outer_ = -1;
};

TEST(Progress, RewritesItsLineOnATerminal) {
  unsetenv("GRAY_SCOTT_PROGRESS");  // would request lines even here
  std::string first;
  std::string second;
  std::string last;
  {
    const Terminal terminal;
    Progress progress(true);
    progress.show("step 1");
    first = terminal.read_shown();
    progress.show("step 2");
    second = terminal.read_shown();
    progress.finish();
    last = terminal.read_shown();
  }
  EXPECT_EQ(first, "\r\033[Kstep 1");
  EXPECT_EQ(second, "\r\033[Kstep 2");
  EXPECT_EQ(last, "\r\n");
}

}  // namespace
