#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "core/node/node_memory.hpp"
#include "core/ports/connector.hpp"
#include "core/rpc/rpc_channel.hpp"

namespace locum {

/// Other nodes that this one has given up, because a rank here could not notify them that a copy is invalid.
/// From then on no rank of this node grants them a lease (see CopyLeases), so that such a node, dead or cut
/// off, shows no copies of this node's objects once its leases are over. The fences are stored in the node's
/// memory; they are never removed.
class FencedNodes final {
 public:
  using Clock = RpcChannel::Clock;

  /// State of the copies at an unreachable node.
  enum class Fence : std::uint8_t {
    open,     ///< they may be shown for ever: the fence could not be stored
    closing,  ///< they may be shown until leases are over
    shut,     ///< no rank shows any of them
  };

  /// \param objects makes objects of this node: a connector over `local`
  /// \param lease duration of a lease
  FencedNodes(NodeMemory local, std::shared_ptr<Connector> objects, std::shared_ptr<const RpcChannel> channel,
              int nodes, Clock::duration lease);

  /// Whether a node is fenced, by any rank; true also if that is unknown: it must not get a lease then. Only
  /// on the driver.
  [[nodiscard]] bool has(int node) const;
  /// Fences a node that cannot be reached, if it is not. Only on the driver.
  [[nodiscard]] Fence fence(int node);
  /// How long a copy may be shown after its node was fenced.
  [[nodiscard]] Clock::duration term() const noexcept { return term_; }

 private:
  [[nodiscard]] Result<std::uint64_t> look(int node) const;
  [[nodiscard]] bool note(int node);

  const NodeMemory local_;
  const std::shared_ptr<Connector> objects_;
  const std::shared_ptr<const RpcChannel> channel_;
  const Clock::duration term_;
  /// When this process first saw each fence: a lease granted after that would have been refused.
  std::vector<std::optional<Clock::time_point>> seen_;
};

}  // namespace locum
