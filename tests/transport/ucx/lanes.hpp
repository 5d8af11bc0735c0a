#pragma once

#include <chrono>
#include <cstdlib>
#include <functional>
#include <future>
#include <ostream>
#include <string>
#include <vector>

#include "tests/shm/fork_group.hpp"

namespace locum::tests {

/// What UCX may take between the processes of a test. All of it stays on this machine.
enum class Lanes {
  any,  ///< its own choice: shared memory and, where the system permits, copies between processes
  tcp,  ///< sockets over the loopback, as between nodes without a fabric of their own
};

inline std::ostream& operator<<(std::ostream& out, Lanes lanes) {
  return out << (lanes == Lanes::any ? "any" : "tcp");
}

/// For the process that calls it; before UCX is opened there.
inline void choose(Lanes lanes) {
  ::setenv("UCX_NET_DEVICES", "lo", 1);
  if (lanes == Lanes::tcp) {
    ::setenv("UCX_TLS", "tcp,self", 1);
  } else {
    ::setenv("UCX_KEEPALIVE_INTERVAL", "1s", 1);  // a test is not to wait for the 20 that are the default
  }
}

/// Forked processes, each with these lanes.
[[nodiscard]] inline std::vector<Child> start_group(int size, Lanes lanes,
                                                    const std::function<std::string(Group&)>& body) {
  return start_group(size, [lanes, body](Group& group) {
    choose(lanes);
    return body(group);
  });
}

/// The group's barrier, with `meanwhile` called until all are there: what was sent may need its sender's
/// progress to leave.
inline void barrier(Group& group, const std::function<void()>& meanwhile) {
  const auto together = std::async(std::launch::async, [&group] { group.barrier(); });
  while (together.wait_for(std::chrono::milliseconds(1)) != std::future_status::ready) {
    meanwhile();
  }
}

}  // namespace locum::tests
