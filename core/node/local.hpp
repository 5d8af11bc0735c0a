#pragma once

#include <chrono>
#include <cstdint>
#include <memory>

#include "core/ports/connector.hpp"

namespace locum {

/// How a `local` connector is set up.
struct LocalOptions {
  std::uint64_t memory_bytes = 0;             ///< the most that objects and drafts may take; 0: no limit
  std::chrono::milliseconds timeout{30'000};  ///< for waits without a deadline of their own
  std::uint32_t creator = 0;                  ///< rank in the keys that it makes
};

/// A store in the memory of this process, without MPI and shared memory: the simplest connector that keeps
/// the whole contract. For programs of one process, and the model that tests compare others with. Views
/// outlive it.
[[nodiscard]] std::shared_ptr<Connector> open_local(LocalOptions options = {});

}  // namespace locum
