#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace locum::tests {

/// Instructions that a thread executes in user space, those of them that lock a cache line, and those that
/// make a system call, except reading the clock, which some machines do without one.
struct Instructions {
  std::uint64_t all = 0;
  std::uint64_t locked = 0;
  std::uint64_t system_calls = 0;
};

/// Why they cannot be counted in this build or on this machine; empty if they can be.
[[nodiscard]] std::string why_not_counted();

/// The instructions between the two calls of `mark` in `program`, which runs in a child of this process; the
/// parent single-steps it, so the count is exact, whatever else the machine does. REQUIRES: why_not_counted()
/// is empty, this process has one thread. Throws std::runtime_error if the child does not finish.
[[nodiscard]] Instructions instructions_of(
    const std::function<void(const std::function<void()>& mark)>& program);

}  // namespace locum::tests
