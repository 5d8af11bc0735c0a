#pragma once

#include <chrono>
#include <cstdint>
#include <memory>

#include "core/ports/connector.hpp"

namespace locum {

/// Configuration of a `local` connector.
struct LocalOptions {
  std::uint64_t memory_bytes = 0;             ///< most bytes of objects and drafts; 0: no limit
  std::chrono::milliseconds timeout{30'000};  ///< for waits without a deadline
  std::uint32_t creator = 0;                  ///< rank in its keys
};

/// A store in the memory of this process, without MPI and shared memory: the simplest connector that fulfils
/// the whole contract. For programs of one process, and as the model that tests compare others with. Views
/// outlive it.
[[nodiscard]] std::shared_ptr<Connector> open_local(LocalOptions options = {});

}  // namespace locum
