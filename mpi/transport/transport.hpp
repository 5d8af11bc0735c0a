#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "core/ports/remote_memory.hpp"
#include "core/ports/transport.hpp"
#include "mpi/communicator.hpp"
#include "mpi/group.hpp"

namespace locum::mpi {

struct TransportOptions {
  /// A bulk up to this size travels with its header; a longer one is announced, and sent when the receiver
  /// has provided the memory for it.
  std::size_t eager_bytes = 8192;
  /// Most messages to one rank that MPI has not sent; more are `out_of_memory`.
  std::uint32_t most_under_way = 65'536;
  /// How often a sleeping thread asks MPI for messages when nothing has moved for long: see Sleeper. Asking
  /// each 4 ms takes a thousandth of a core.
  std::chrono::microseconds longest_pause{4000};
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

/// Ends a transport that was opened here: it calls MPI no more, and moves nothing, however long it is kept.
/// Its destructor does the same if this was not called. Collective over its ranks, as far as they come: waits
/// for them for the close_timeout. By the thread that makes progress now (Progress::submit()).
void close_transport(Transport& transport) noexcept;

/// A transport, and one-sided access to its ranks' memory.
struct OpenedTransport {
  std::shared_ptr<Transport> transport;
  std::shared_ptr<RemoteMemory> remote;  ///< null: this MPI reads no memory without its owner's help
};

/// The memory of a rank that others are to read: the same range of addresses until the transport is closed.
struct WindowOptions {
  std::span<std::byte> memory;
  std::span<std::byte> page;            ///< a part of it that is written here, to try reading
  std::shared_ptr<const void> keeps{};  ///< until nobody reads the memory any more
  std::uint64_t session = 0;            ///< the same on all ranks, and unlike that of others
};

/// open_transport(), with a window over that memory if this MPI reads it without the owner's help: which is
/// tried. Unlike the other steps it has no deadline while MPI creates the window. Collective over the group.
[[nodiscard]] OpenedTransport open_transport_with_window(CommunicatorGroup& group, Moment moment,
                                                         const WindowOptions& window,
                                                         const TransportOptions& options = {});

}  // namespace locum::mpi
