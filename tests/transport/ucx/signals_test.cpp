#include "transport/ucx/signals.hpp"

#include <dlfcn.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "transport/ucx/context.hpp"

namespace locum::tests {
namespace ucx_signals_test {

using Dispositions = std::vector<struct sigaction>;

Dispositions dispositions() {
  Dispositions all(NSIG);
  for (int number = 1; number < NSIG; ++number) {
    ::sigaction(number, nullptr, &all[static_cast<std::size_t>(number)]);
  }
  return all;
}

/// The signals that a function of UCX handles.
std::vector<int> of_ucx(const Dispositions& all) {
  std::vector<int> numbers;
  for (int number = 1; number < NSIG; ++number) {
    const auto handler = all[static_cast<std::size_t>(number)].sa_handler;
    Dl_info found{};
    if (handler != SIG_DFL && handler != SIG_IGN &&
        ::dladdr(reinterpret_cast<const void*>(handler), &found) != 0 &&
        std::filesystem::path(found.dli_fname).filename().string().starts_with("libuc")) {
      numbers.push_back(number);
    }
  }
  return numbers;
}

bool is_same(const struct sigaction& one, const struct sigaction& other) {
  return one.sa_handler == other.sa_handler && one.sa_flags == other.sa_flags;
}

void count(int /*number*/) {}

// The environment may ask UCX for its handlers: then they are the program's wish.
class UcxSignals : public ::testing::Test {
 protected:
  void SetUp() override {
    if (std::getenv("UCX_DEBUG_SIGNO") != nullptr || std::getenv("UCX_HANDLE_ERRORS") != nullptr) {
      GTEST_SKIP() << "UCX_DEBUG_SIGNO or UCX_HANDLE_ERRORS is set";
    }
  }
};

TEST_F(UcxSignals, AreThoseOfTheProgramWhenTheLibraryIsLoaded) {
  EXPECT_EQ(of_ucx(dispositions()), std::vector<int>());
}

TEST_F(UcxSignals, StayWhenUcxIsUsed) {
  const Dispositions before = dispositions();
  const ucx::Context context(1, false);
  const Dispositions after = dispositions();
  for (int number = 1; number < NSIG; ++number) {
    const auto at = static_cast<std::size_t>(number);
    EXPECT_TRUE(is_same(before[at], after[at])) << number;
  }
}

TEST_F(UcxSignals, StayThoseThatTheProgramHandles) {
  struct sigaction own {};
  struct sigaction before {};
  own.sa_handler = count;
  for (const int number : {SIGHUP, SIGUSR1}) {
    ASSERT_EQ(::sigaction(number, &own, &before), 0);
    ucx::restore_signals();
    struct sigaction now {};
    EXPECT_EQ(::sigaction(number, &before, &now), 0);
    EXPECT_EQ(now.sa_handler, &count);
  }
}

}  // namespace ucx_signals_test
}  // namespace locum::tests
