#include "core/value/wait_notice.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <initializer_list>
#include <string>

namespace locum::tests {
namespace {

using namespace std::chrono_literals;

/// What is printed if a rank waits since 0 s, and looks at these times.
std::string printed(Log log, std::initializer_list<std::chrono::seconds> looks, const char* about = "waves") {
  WaitNotice notice;
  testing::internal::CaptureStderr();
  for (const auto& look : looks) {
    notice.waits(log, 2, WaitNotice::Moment(look),
                 [&] { return Error(Errc::timeout, "no reader has joined").about(about); });
  }
  return testing::internal::GetCapturedStderr();
}

TEST(WaitNotice, IsPrintedOnceOfALongWait) {
  const std::string line =
      "locum: rank 2 has waited for 10 s, and goes on waiting: no reader has joined [waves]\n";
  EXPECT_EQ(printed(Log::warnings, {0s, 5s, 10s, 20s}), line);
  EXPECT_EQ(printed(Log::info, {0s, 60s}), line);
  EXPECT_EQ(printed(Log::info, {0s, 60s}, ""),
            "locum: rank 2 has waited for 10 s, and goes on waiting: no reader has joined\n");
}

TEST(WaitNotice, IsNotPrintedOfAShortWaitOrWhereNothingIsLogged) {
  EXPECT_EQ(printed(Log::warnings, {0s, 5s, 9s}), "");
  EXPECT_EQ(printed(Log::warnings, {60s}), "") << "the time before the wait is none of it";
  EXPECT_EQ(printed(Log::off, {0s, 60s}), "");
}

}  // namespace
}  // namespace locum::tests
