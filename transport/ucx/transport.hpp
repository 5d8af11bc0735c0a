#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "core/ports/group.hpp"
#include "core/ports/remote_memory.hpp"
#include "core/ports/transport.hpp"

namespace locum::ucx {

struct TransportOptions {
  /// A bulk up to this size travels with its header and is there when the message arrives; a longer one is
  /// announced, and read in place once the receiver has provided the memory for it.
  std::size_t eager_bytes = 8192;
  /// Most open messages to one rank; more are `out_of_memory`. A rank that does not read its messages, but
  /// continues to send requests, would fill this rank's memory with replies.
  std::uint32_t most_under_way = 65536;
  /// Whether large bulks (large_bulk_bytes) have a separate endpoint, over TCP a connection; if one of two
  /// ranks declines, or cannot open another one, they share the one endpoint.
  bool bulks_apart = true;
  /// How long connecting to a rank may fail, from the first message for it, before it is lost. It is retried
  /// until then, and messages wait.
  std::chrono::milliseconds connect_patience{0};
  /// How long closing waits to send remaining messages to unresponsive peers, before they are dropped.
  std::chrono::milliseconds close_timeout{1000};
};

/// Opens a transport over UCX among the ranks of `group`. UCX chooses devices and lanes (UCX_TLS,
/// UCX_NET_DEVICES …). Collective over the group; blocks until all have joined, throws the same Error on all
/// ranks. Connections are made on first use. Raises the process's soft limit of open descriptors
/// (RLIMIT_NOFILE) to the hard one, at most 1,048,576, because over TCP a process without free ones is lost
/// to those that are not yet connected to it.
///
/// The thread rules are those of the port. Bulks whose memory the receiver refuses are dropped; that is
/// reported to their sender as `out_of_memory`. A peer
/// that ends is lost to the others whether or not it ended regularly: destroy a transport only when nobody
/// expects messages any more.
[[nodiscard]] std::unique_ptr<Transport> open_transport(Group& group, const TransportOptions& options = {});

/// UCX's version, and the lanes that it may choose among; of a transport that was opened here.
[[nodiscard]] std::string description_of(const Transport& transport);

/// A transport, and one-sided access to its ranks' memory.
struct OpenedTransport {
  std::shared_ptr<Transport> transport;
  std::shared_ptr<RemoteMemory> remote;  ///< null: the lanes do not support one-sided reads
  std::span<std::byte> memory;           ///< allocated by UCX, valid as long as `keeper` lives
  std::shared_ptr<RemoteMemory> keeper{};
};

/// The memory of a rank that others are to read one-sidedly.
struct RemoteMemoryOptions {
  /// Bytes of memory that UCX allocates, replacing the mapping at `place` if that is not null: shared-memory
  /// lanes read no other. 0: any memory, if the lanes can.
  std::size_t allocated_bytes = 0;
  std::byte* place = nullptr;
};

/// open_transport(), which also tests whether memory is read one-sidedly: by a get from a rank that makes no
/// progress. Opens one connection of each rank for that. Collective.
[[nodiscard]] OpenedTransport open_transport_with_remote_memory(Group& group,
                                                                const RemoteMemoryOptions& memory,
                                                                const TransportOptions& options = {});

}  // namespace locum::ucx
