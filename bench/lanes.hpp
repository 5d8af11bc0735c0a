#pragma once

#include <cstdlib>
#include <vector>

#include "bench/world.hpp"

namespace locum::bench {

constexpr const char* tcp_lanes = "tcp,self";

/// The lanes that are measured, as in UCX_TLS: UCX's own choice (null), which is shared memory, and TCP;
/// between hosts TCP alone. Collective.
[[nodiscard]] inline std::vector<const char*> lanes_here() {
  return on_several_hosts() ? std::vector{tcp_lanes} : std::vector<const char*>{nullptr, tcp_lanes};
}

/// Sets the lanes for UCX during its lifetime: UCX reads them when it is opened.
class Lanes {
 public:
  /// `lanes`: as in UCX_TLS; null: UCX's own choice.
  explicit Lanes(const char* lanes) {
    ::setenv("UCX_NET_DEVICES", "lo", 0);
    if (lanes != nullptr) {
      ::setenv("UCX_TLS", lanes, 1);
    } else {
      ::setenv("UCX_MM_ERROR_HANDLING", "y", 1);  // the transport sets this itself; here it is for the twin
    }
  }
  Lanes(const Lanes&) = delete;
  Lanes& operator=(const Lanes&) = delete;
  ~Lanes() {
    ::unsetenv("UCX_TLS");
    ::unsetenv("UCX_MM_ERROR_HANDLING");
  }
};

}  // namespace locum::bench
