#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <variant>

#include "core/async/node_client.hpp"
#include "core/copies/copies.hpp"
#include "core/copies/one_sided_reads.hpp"
#include "core/copies/read_leases.hpp"
#include "core/node/node_memory.hpp"
#include "core/node/promised.hpp"
#include "core/ports/connector.hpp"
#include "core/rpc/batch_dispatcher.hpp"
#include "core/rpc/nodes.hpp"
#include "core/rpc/reply_to.hpp"
#include "core/rpc/rpc_channel.hpp"
#include "core/server/remote_waits.hpp"

namespace locum {

class BindRecovery;
class NameChanges;

/// Shared parts of the services that handle requests of other ranks to this node, and how they reply: within
/// steps of the channel, never waiting.
struct ServiceParts {
  NodeMemory local;                    ///< with the directory of the names at home here
  std::shared_ptr<Connector> objects;  ///< makes objects of the node's own: a connector over `local`
  Copies copies;
  std::shared_ptr<RpcChannel> channel;
  std::shared_ptr<Nodes> nodes;
  std::shared_ptr<BatchDispatcher> dispatcher;  ///< batched requests
  std::shared_ptr<ReadLeases> read_leases;      ///< reads of this node by others
  std::shared_ptr<OneSidedReads> reads;         ///< this rank's reads of others
  std::shared_ptr<const NodeClient> client;     ///< for operations that reply later than in one step
  std::shared_ptr<const NameChanges> changes;
  std::shared_ptr<BindRecovery> bind_recovery;
  std::shared_ptr<RemoteWaits> waits;  ///< by this rank's own operations
  std::uint64_t inline_bytes = 0;  ///< blocks up to this size are included in the reply to a look-up by name
  std::chrono::milliseconds timeout{};
  LostNodePeers lost_node_peers{};

  void reply(ReplyTo reply_to, std::span<const std::byte> body, Bulk bulk = {}) const noexcept;
  /// A rank never replies `closed` on its own account: it would mean that nothing was done. If this rank
  /// closes meanwhile, or a node that it asks has, the requesting rank gets `peer_lost`, and asks nobody
  /// else.
  void refuse(ReplyTo reply_to, const Error& error) const noexcept;
  /// The request is invalid; nothing was changed.
  void refuse_senseless(const Request& request) const;
  /// Begins a task that sends the reply at its end.
  void begin(Task<std::monostate> task) const { client->operation(std::move(task))->begin_by_driver(); }
  /// Whether that is a name that this node decides about.
  [[nodiscard]] bool is_at_home(std::uint32_t store, std::string_view name) const;
  /// NodeMemory::hold_object() of an object on disk, on a thread that may wait for that; continues on the
  /// driver.
  [[nodiscard]] Task<Result<std::shared_ptr<const PinnedObject>>> hold_from_disk(Key key) const;
  /// The sender of a request.
  [[nodiscard]] int node_of(const Request& request) const noexcept;
  /// When this node gives up a request that it sends on behalf of another rank, which itself gives up after a
  /// longer time.
  [[nodiscard]] RpcChannel::Clock::time_point soon() const;
};

/// The reply yes or no.
[[nodiscard]] inline std::array<std::byte, 1> one_byte(bool value) noexcept {
  return {std::byte{value ? std::uint8_t{1} : std::uint8_t{0}}};
}

}  // namespace locum
