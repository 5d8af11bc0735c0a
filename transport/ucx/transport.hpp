#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "core/ports/group.hpp"
#include "core/ports/remote_memory.hpp"
#include "core/ports/transport.hpp"

namespace locum::ucx {

struct TransportOptions {
  /// A bulk of at most this many bytes travels with its header and is there when the message arrives; what is
  /// longer is announced, and read in place when the receiver has named the memory for it.
  std::size_t eager_bytes = 8192;
  /// So many messages to one rank may be under way at a time; what is more is `out_of_memory`. Who does not
  /// read what it is sent, and goes on asking, would fill this rank's memory with answers.
  std::uint32_t most_under_way = 65536;
  /// Whether large bulks (large_bulk_bytes) have an endpoint of their own, over TCP a connection; where one
  /// of two ranks says no, or cannot open another one, they share the one that there is.
  bool bulks_apart = true;
  /// How long connecting to a rank may fail, from when it is first sent something, before it is lost. It is
  /// tried again until then, and what it is sent waits.
  std::chrono::milliseconds connect_patience{0};
  /// How long closing waits for what was sent to leave for peers that do not listen, before it is dropped.
  std::chrono::milliseconds close_timeout{1000};
};

/// Opens a transport over UCX among the ranks of `group`. Which devices and lanes it takes is UCX's choice
/// (UCX_TLS, UCX_NET_DEVICES …). Collective over the group; blocks until all have come, throws one and the
/// same Error on all ranks. Connections are made on first use. Raises the process's soft limit of open
/// descriptors (RLIMIT_NOFILE) to the hard one, at most 1,048,576, because a process that runs out of them
/// over TCP is lost to those that are not yet connected to it.
///
/// The transport's own thread rules are those of the port. It is silent about what it drops: messages that
/// are not of this runtime, and bulks whose memory the receiver refuses; these are told to their sender as
/// `out_of_memory`. A peer that ends is lost to the others whether it ended in order or not, so destroying is
/// for when nobody expects anything any more.
[[nodiscard]] std::unique_ptr<Transport> open_transport(Group& group, const TransportOptions& options = {});

/// A transport, and the memory of its ranks as they read it one-sidedly.
struct OpenedTransport {
  std::shared_ptr<Transport> transport;
  std::shared_ptr<RemoteMemory> remote;  ///< null: the lanes need the owner's help for every read
  std::span<std::byte> memory;           ///< that UCX has allocated, as long as `keeper` lives
  std::shared_ptr<RemoteMemory> keeper{};
};

/// What of a rank's memory others are to read one-sidedly.
struct RemoteMemoryOptions {
  /// So many bytes of memory that UCX allocates, in place of what is mapped at `place` if that is not null:
  /// lanes through shared memory read no other. 0: any memory, where the lanes can.
  std::size_t allocated_bytes = 0;
  std::byte* place = nullptr;
};

/// The same as open_transport(), and finds out whether memory is read one-sidedly: a get from a rank that
/// moves nothing. Opens one connection of each rank for that. Collective.
[[nodiscard]] OpenedTransport open_transport_with_remote_memory(Group& group,
                                                                const RemoteMemoryOptions& memory,
                                                                const TransportOptions& options = {});

}  // namespace locum::ucx
