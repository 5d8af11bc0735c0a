#pragma once

#include <cstddef>
#include <cstdint>

#include <locum/session.hpp>

namespace locum {

/// The ranks that write or read a stream of steps together, described for one of them: Runtime::step_side()
/// makes it from a communicator.
struct StepSide {
  Session session;
  std::size_t index = 0;  ///< index of this rank among them
  std::size_t count = 1;  ///< number of these ranks
  /// Identifies the side: equal on all its ranks, different from that of any other side of this runtime; not
  /// 0.
  std::uint64_t number = 0;
};

}  // namespace locum
