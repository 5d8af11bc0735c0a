#include "jobs/gray_scott/progress.hpp"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace gray_scott {
namespace {

bool standard_output_is_for_lines() {
  const char* wanted = std::getenv("GRAY_SCOTT_PROGRESS");
  return (wanted != nullptr && std::string_view(wanted) == "lines") || isatty(STDOUT_FILENO) == 0;
}

}  // namespace

Progress::Progress(bool prints) : prints_(prints), rewrites_(!standard_output_is_for_lines()) {}

Progress::~Progress() {
  finish();
}

void Progress::show(const std::string& line) {
  if (!prints_) {
    return;
  }
  if (rewrites_) {
    std::printf("\r\033[K%s", line.c_str());  // to the start of the line, and clear it
    open_ = true;
  } else {
    std::printf("%s\n", line.c_str());
  }
  std::fflush(stdout);
}

void Progress::finish() {
  if (open_) {
    std::printf("\n");
    std::fflush(stdout);
    open_ = false;
  }
}

}  // namespace gray_scott
