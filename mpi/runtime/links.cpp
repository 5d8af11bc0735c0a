#include "mpi/runtime/links.hpp"

#include <mpi.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <optional>
#include <span>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "core/ports/remote_memory.hpp"
#include "core/ports/transport.hpp"
#include "mpi/error.hpp"
#include "mpi/transport/transport.hpp"
#if LOCUM_WITH_UCX
#include "transport/ucx/transport.hpp"
#endif

namespace locum {
namespace {

using mpi::error_of;
using mpi::throw_if;

struct Opened {
  std::shared_ptr<Transport> transport;
  std::shared_ptr<RemoteMemory> remote{};
  std::string details{};
  bool only_in_calls = false;
  std::function<void()> close{};  ///< RuntimeLinks::close_transport
};

#if LOCUM_WITH_UCX
// If the lanes read no other memory, UCX's memory replaces the arena's from now on, as long as anything uses
// that.
Opened open_ucx(const RuntimeParts& parts) {
  const RuntimeOptions& options = parts.options;
  const ucx::TransportOptions patient{.connect_patience = options.peer_timeout};
  Opened opened;
  if (options.one_sided == OneSided::off) {
    opened.transport = ucx::open_transport(parts.group, patient);
  } else {
    const bool allocates = options.one_sided == OneSided::ucx_memory;
    if (allocates && parts.group.nodes() != parts.group.size()) {
      throw Error(Errc::invalid_argument,
                  "one_sided (LOCUM_ONE_SIDED) is ucx_memory, which is for testing and needs nodes of one "
                  "rank; set LOCUM_RANKS_PER_NODE=1, or one_sided to auto");
    }
    const auto whole = allocates ? ucx::RemoteMemoryOptions{.allocated_bytes = parts.node.memory_bytes,
                                                            .place = parts.node.own_memory.data()}
                                 : ucx::RemoteMemoryOptions{};
    const auto both = ucx::open_transport_with_remote_memory(parts.group, whole, patient);
    if (allocates) {
      parts.node.keep(both.keeper);
    }
    opened.transport = both.transport;
    opened.remote = both.remote;
  }
  opened.details = ucx::description_of(*opened.transport);
  return opened;
}
#endif

Opened open_mpi(const RuntimeParts& parts) {
  if (parts.options.one_sided == OneSided::ucx_memory) {
    throw Error(Errc::invalid_argument,
                "one_sided (LOCUM_ONE_SIDED) is ucx_memory, and the transport is mpi; set "
                "LOCUM_TRANSPORT=ucx, or one_sided to auto");
  }
  const mpi::Moment until = parts.group.moment();
  int level = MPI_THREAD_SINGLE;
  mpi::check(MPI_Query_thread(&level), "MPI_Query_thread");
  const auto mine = static_cast<std::byte>(level == MPI_THREAD_MULTIPLE ? 0 : 1);
  const std::vector<std::byte> lower = parts.group.all_gather(std::span(&mine, 1));
  Opened opened;
  opened.only_in_calls = std::ranges::find(lower, std::byte{1}) != lower.end();
  if (parts.options.one_sided == OneSided::off) {
    opened.transport = mpi::open_transport(parts.group.communicator(), until);
    opened.close = [transport = opened.transport] { mpi::close_transport(*transport); };
    return opened;
  }
  constexpr std::uint64_t tried_bytes = 4096;
  std::optional<Block> block;
  throw_if(parts.group.agree(error_of([&] { block = parts.memory.arena->allocate(tried_bytes).value(); }),
                             "trying one-sided reads", {}));
  const auto both = mpi::open_transport_with_window(
      parts.group, until,
      {.memory = parts.node.own_memory,
       .page = std::span(parts.memory.arena->data(block->offset), tried_bytes),
       .keeps = parts.memory.arena,
       .session = parts.incarnation});
  parts.memory.arena->free(*block);
  opened.transport = both.transport;
  opened.remote = both.remote;
  opened.close = [transport = opened.transport] { mpi::close_transport(*transport); };
  return opened;
}

struct TransportOfBuild {
  TransportKind kind;
  std::string_view name;
  /// Collective; throws the same Error on all ranks.
  Opened (*open)(const RuntimeParts& parts);
};

// The transports that this library was built with; the first one is the default.
constexpr std::array transports {
#if LOCUM_WITH_UCX
  TransportOfBuild{TransportKind::ucx, "ucx", open_ucx},
#endif
      TransportOfBuild{TransportKind::mpi, "mpi", open_mpi},
};

const TransportOfBuild& chosen(TransportKind kind) {
  if (kind == TransportKind::automatic) {
    return transports.front();
  }
  const auto* const found = std::ranges::find(transports, kind, &TransportOfBuild::kind);
  if (found == transports.end()) {
    throw Error(Errc::unsupported,
                "the option transport (LOCUM_TRANSPORT) is ucx, and this library was built without UCX; "
                "build it where UCX is found, or set LOCUM_TRANSPORT=mpi");
  }
  return *found;
}

// The helper polls for the processor cost of a wake-up.
Progress::Options progress_options(const mpi::CommunicatorGroup& group) {
  Progress::Options options;
  options.spin = spin_time(group);
  options.helper_spin = options.spin * 2 / 5;
  return options;
}

// A rank that serves others only in its calls may be silent for as long as it computes.
constexpr std::chrono::milliseconds patience_with_computing = std::chrono::hours(24);

}  // namespace

std::chrono::microseconds spin_time(const mpi::CommunicatorGroup& group) {
  return std::chrono::microseconds(
      static_cast<unsigned>(group.ranks_here()) <= std::thread::hardware_concurrency() ? 50 : 0);
}

std::uint64_t window_bytes(const RuntimeParts& parts) {
  constexpr std::uint64_t share = 4;
  const std::vector<int>& node_of_rank = parts.group.node_of_rank();
  const auto node_peers = std::ranges::count(node_of_rank, parts.group.node());
  return parts.options.prefetch_bytes != 0
             ? parts.options.prefetch_bytes
             : parts.node.memory_bytes / share / static_cast<std::uint64_t>(node_peers);
}

RuntimeLinks open_links(const RuntimeParts& parts) {
  if (parts.group.nodes() == 1) {
    return {};
  }
  const TransportOfBuild& transport = chosen(parts.options.transport);
  Opened opened = transport.open(parts);
  RuntimeLinks made{.links = {},
                    .transport = std::string(transport.name),
                    .details = opened.details,
                    .only_in_calls = opened.only_in_calls,
                    .close_transport = opened.close};
  Progress::Options progress = progress_options(parts.group);
  if (opened.only_in_calls) {
    progress.helper = false;
    progress.only_thread = std::this_thread::get_id();
  }
  throw_if(parts.group.agree(
      error_of([&] {
        made.links = std::make_shared<Links>(
            LinkParts{.transport = opened.transport,
                      .remote = opened.remote,
                      .memory = parts.memory,
                      .node_of_rank = parts.group.node_of_rank(),
                      .rank = parts.group.rank(),
                      .incarnation = parts.incarnation,
                      .metrics = parts.metrics,
                      .timeout = parts.options.timeout,
                      .patience = opened.only_in_calls ? patience_with_computing : parts.options.peer_timeout,
                      .inline_bytes = parts.options.inline_bytes,
                      .window_bytes = window_bytes(parts),
                      .lost_node_peers = [losses = parts.losses] { return losses->node_peers(); },
                      .progress = std::move(progress)});
      }),
      "linking the nodes", {}));
  return made;
}

}  // namespace locum
