#pragma once

#include <cstddef>
#include <cstdint>

#include <locum/session.hpp>

namespace locum {

/// The ranks that write or read a stream of steps together, as one of them sees them: Runtime::step_side()
/// makes it of a communicator.
struct StepSide {
  Session session;
  std::size_t index = 0;  ///< of this rank among them
  std::size_t count = 1;  ///< of these ranks
  /// The same on all of them, and different from that of any other side of this runtime; not 0.
  std::uint64_t number = 0;
};

}  // namespace locum
