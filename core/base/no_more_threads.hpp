#pragma once

#include <optional>
#include <system_error>

#include "core/value/error.hpp"

namespace locum {

/// The error for an exception thrown by starting a thread; none if it has another cause.
[[nodiscard]] inline std::optional<Error> no_more_threads(const std::system_error& failure) {
  if (failure.code() != std::errc::resource_unavailable_try_again) {
    return std::nullopt;
  }
  return Error(Errc::system,
               "this process cannot start more threads, or has no address space for their stacks; raise "
               "`ulimit -u`, pids.max of its control group, or `ulimit -v`",
               failure.what());
}

}  // namespace locum
