#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "core/node/node_memory.hpp"
#include "core/ports/connector.hpp"
#include "core/rpc/exchange.hpp"

namespace locum {

/// Other nodes that this one has given up: somebody here had to tell one of them that a copy is gone, and
/// could not. From then on no rank of this node grants it a lease (see CopyLeases), so that it shows no copy
/// of what this node has made once the leases that it may have had are over, be it dead or cut off. Which
/// nodes these are stands in the node's memory; none is ever let in again.
class FencedNodes final {
 public:
  using Clock = Exchange::Clock;

  /// What is known of the copies at a node that cannot be reached.
  enum class Fence : std::uint8_t {
    open,     ///< they may be shown for ever: there was no memory for the fence, or it could not be noted
    closing,  ///< they may be shown until leases are over
    shut,     ///< no rank shows any of them
  };

  /// \param objects makes objects of this node: a connector over `local`
  /// \param lease   how long one is good
  FencedNodes(NodeMemory local, std::shared_ptr<Connector> objects, std::shared_ptr<const Exchange> exchange,
              int nodes, Clock::duration lease);

  /// Whether a node is fenced, by whichever rank; also where that cannot be seen: then it must have no lease
  /// yet. Only by who drives.
  [[nodiscard]] bool has(int node) const;
  /// Fences a node that cannot be reached, if it is not. Only by who drives.
  [[nodiscard]] Fence fence(int node);
  /// How long a copy may be shown after its node was fenced.
  [[nodiscard]] Clock::duration term() const noexcept { return term_; }

 private:
  [[nodiscard]] Result<std::uint64_t> look(int node) const;
  [[nodiscard]] bool note(int node);

  const NodeMemory local_;
  const std::shared_ptr<Connector> objects_;
  const std::shared_ptr<const Exchange> exchange_;
  const Clock::duration term_;
  /// When this process first saw each fence: a lease that was granted after that would have met it.
  std::vector<std::optional<Clock::time_point>> seen_;
};

}  // namespace locum
