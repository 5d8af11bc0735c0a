#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "core/ports/transport.hpp"
#include "mpi/communicator.hpp"

namespace locum::mpi {

struct TransportOptions {
  /// A bulk up to this size travels with its header; a longer one is announced, and sent when the receiver
  /// has provided the memory for it.
  std::size_t eager_bytes = 8192;
  /// Most messages to one rank that MPI has not sent; more are `out_of_memory`.
  std::uint32_t most_under_way = 65'536;
  /// How often a sleeping thread asks MPI for messages when nothing has moved for long.
  std::chrono::microseconds longest_pause{1000};
  /// How long closing waits for the other ranks, before it leaves what is under way to MPI.
  std::chrono::milliseconds close_timeout{1000};
};

/// Opens a transport of MPI messages among the ranks of `communicator`, which is duplicated. Collective over
/// it; blocks until all have joined, at most until `moment`.
///
/// With MPI_THREAD_MULTIPLE the thread rules are those of the port. With less, only wake() may be called by a
/// thread that may not call MPI (Progress::Options::only_thread).
///
/// MPI takes nothing back that it was given: a bulk that its receiver has begun to receive is sent() only
/// when MPI has moved it, also after forget(); and lost() is called for ranks that were forgotten, or have
/// forgotten this one, not for those that have died.
[[nodiscard]] std::unique_ptr<Transport> open_transport(const Communicator& communicator, Moment moment,
                                                        const TransportOptions& options = {});

}  // namespace locum::mpi
