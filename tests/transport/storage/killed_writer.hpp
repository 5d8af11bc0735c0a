#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <string>
#include <system_error>

#include "tests/shm/child.hpp"

namespace locum::tests {

/// The number that an environment variable has, or another one.
inline std::uint64_t number_in(const char* variable, std::uint64_t otherwise) {
  const char* const text = std::getenv(variable);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

/// Runs a process that changes something until it is killed. It writes a byte to the descriptor for each
/// change that was acknowledged. \param least so many it has made then \param later and has gone on so long,
/// by waiting that does not sleep: the kill is somewhere within a change \return the bytes
inline std::string said_until_killed(const std::function<void(int said)>& change, std::size_t least,
                                     std::chrono::nanoseconds later) {
  std::array<int, 2> ends{};
  if (::pipe(ends.data()) != 0) {
    throw std::system_error(errno, std::generic_category(), "pipe");
  }
  Child child([&] {
    ::close(ends[0]);
    change(ends[1]);
    return std::string();
  });
  ::close(ends[1]);
  std::string said;
  std::array<char, 4096> some{};
  const auto hear = [&] {
    const ssize_t count = ::read(ends[0], some.data(), some.size());
    said.append(some.data(), static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
    return count > 0;
  };
  while (said.size() < least && hear()) {
  }
  using Clock = std::chrono::steady_clock;
  for (const auto end = Clock::now() + later; Clock::now() < end;) {
  }
  child.kill();
  while (hear()) {
  }
  ::close(ends[0]);
  const Ending ending = child.wait();
  EXPECT_EQ(ending.signal, SIGKILL) << ending.said;
  EXPECT_GE(said.size(), least);
  return said;
}

}  // namespace locum::tests
