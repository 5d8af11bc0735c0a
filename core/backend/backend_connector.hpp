#pragma once

#include <chrono>
#include <cstdint>
#include <memory>

#include "core/ports/backend.hpp"
#include "core/ports/connector.hpp"
#include "core/value/metrics.hpp"
#include "core/value/result.hpp"

namespace locum {

/// Settings of a connector over a backend.
struct BackendConnectorOptions {
  std::chrono::milliseconds timeout{30'000};                 ///< of calls without a deadline
  std::uint32_t most_threads = 64;                           ///< calls under way at once
  std::uint64_t prefetch_bytes = std::uint64_t{256} << 20U;  ///< fetched ahead: see RuntimeOptions
  std::shared_ptr<Metrics> metrics{};  ///< counts how long calls take; null: nobody does
};

/// A connector, and the identity of what its backend keeps.
struct OpenBackend {
  std::shared_ptr<Connector> connector;
  std::uint64_t incarnation = 0;
};

/// A store over a backend. An object is a record (record_format.hpp) in a space that is named as its store; a
/// named one has its own name there (record_names.hpp).
///
/// A generation is the moment of its put, in nanoseconds since 1970, and greater than others of this process:
/// so generations outlive an eviction, and the process. The key of an unnamed object holds a random part of
/// the process that made it; that of a named one holds a hash of its name and one of its generation, so that
/// it leads to the name. The number of a store is a hash of its registration. All of them are good in the
/// next job.
///
/// Calls that block are made by threads (CallPool) where a task is asked for; so are the looks of waits that
/// have no thread. Where the backend does not
/// push, a wait asks again: after a millisecond first, every 50 ms in the end; at once for what this process
/// puts.
[[nodiscard]] Result<OpenBackend> open_backend_connector(std::shared_ptr<Backend> backend,
                                                         BackendConnectorOptions options = {});

}  // namespace locum
