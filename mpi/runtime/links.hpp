#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "core/client/links.hpp"
#include "core/node/node_memory.hpp"
#include "core/value/metrics.hpp"
#include "core/value/options.hpp"
#include "mpi/group.hpp"
#include "mpi/lost_rank_monitor.hpp"
#include "shm/node.hpp"

namespace locum {

/// A rank's links to the other nodes of its runtime, over one of the transports that the library was built
/// with.
struct RuntimeLinks {
  std::shared_ptr<Links> links;  ///< null on a single node
  std::string transport;         ///< its name: "ucx", "mpi"; empty on a single node
  std::string details;           ///< its version and devices
  /// MPI was initialised without MPI_THREAD_MULTIPLE, and the transport is MPI: nothing is sent or served but
  /// by this thread, in calls of the library.
  bool only_in_calls = false;
  /// Ends the transport, which stores keep after the runtime; empty: it needs no end before MPI_Finalize.
  /// Collective; on the driver.
  std::function<void()> close_transport{};
};

/// What the links use of the runtime.
struct RuntimeParts {
  mpi::CommunicatorGroup& group;
  const NodeMemory& memory;
  const shm::Node& node;
  const RuntimeOptions& options;
  std::uint64_t incarnation = 0;
  std::shared_ptr<Metrics> metrics;
  std::shared_ptr<mpi::LostRankMonitor> losses;
};

/// Returns how long a waiting thread looks again before it sleeps, which is the time of a wake-up, if each
/// rank of this machine has a core to itself. Otherwise 0.
[[nodiscard]] std::chrono::microseconds spin_time(const mpi::CommunicatorGroup& group);
/// Returns the bytes of objects in the node's memory that a rank may have ahead of their use.
[[nodiscard]] std::uint64_t window_bytes(const RuntimeParts& parts);
/// Collective over all ranks. Throws the same Error on all of them: `unsupported` if the library was built
/// without the transport that the options ask for.
[[nodiscard]] RuntimeLinks open_links(const RuntimeParts& parts);

}  // namespace locum
