#pragma once

#include <chrono>
#include <cstddef>
#include <memory>

#include "core/group.hpp"
#include "core/transport.hpp"

namespace locum::ucx {

struct TransportOptions {
  /// A bulk of at most this many bytes travels with its header and is there when the message arrives; what is
  /// longer is announced, and read in place when the receiver has named the memory for it.
  std::size_t eager_bytes = 8192;
  /// How long closing waits for what was sent to leave for peers that do not listen, before it is dropped.
  std::chrono::milliseconds close_timeout{1000};
};

/// Opens a transport over UCX among the ranks of `group`. Which devices and lanes it takes is UCX's choice
/// (UCX_TLS, UCX_NET_DEVICES …). Collective over the group; blocks until all have come, throws one and the
/// same Error on all ranks. Connections are made on first use.
///
/// The transport's own thread rules are those of the port. It is silent about what it drops: messages that
/// are not of this runtime, and bulks whose memory the receiver refuses; these are told to their sender as
/// `out_of_memory`. A peer that ends is lost to the others whether it ended in order or not, so destroying is
/// for when nobody expects anything any more.
[[nodiscard]] std::unique_ptr<Transport> open_transport(Group& group, const TransportOptions& options = {});

}  // namespace locum::ucx
