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

/// The lanes that UCX may use between the processes of a test, all on this machine.
enum class Lanes {
  any,  ///< UCX's choice: shared memory and, where the system permits, copies between processes
  tcp,  ///< sockets over the loopback, as between nodes without a special network
};

inline std::ostream& operator<<(std::ostream& out, Lanes lanes) {
  return out << (lanes == Lanes::any ? "any" : "tcp");
}

/// For the calling process; before UCX is opened there.
inline void choose(Lanes lanes) {
  ::setenv("UCX_NET_DEVICES", "lo", 1);
  if (lanes == Lanes::tcp) {
    ::setenv("UCX_TLS", "tcp,self", 1);
  } else {
    ::setenv("UCX_KEEPALIVE_INTERVAL", "1s",
             1);  // instead of the default 20 s, for which a test should not wait
  }
}

/// Forked processes that use these lanes.
[[nodiscard]] inline std::vector<Child> start_group(int size, Lanes lanes,
                                                    const std::function<std::string(Group&)>& body) {
  return start_group(size, [lanes, body](Group& group) {
    choose(lanes);
    return body(group);
  });
}

/// The group's barrier, with `meanwhile` called until all are there: sending may need the sender's progress.
inline void barrier(Group& group, const std::function<void()>& meanwhile) {
  const auto together = std::async(std::launch::async, [&group] { group.barrier(); });
  while (together.wait_for(std::chrono::milliseconds(1)) != std::future_status::ready) {
    meanwhile();
  }
}

}  // namespace locum::tests
