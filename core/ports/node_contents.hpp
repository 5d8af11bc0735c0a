#pragma once

#include <cstdint>
#include <vector>

#include <locum/key.hpp>
#include <locum/ports/capability.hpp>

namespace locum {

/// Ability of a connector that knows the objects of its node. Any thread may call.
class NodeContents : public Capability {
 public:
  /// See Connector::keys_of_node().
  [[nodiscard]] virtual std::vector<Key> keys_of_node(std::uint32_t store) = 0;
};

}  // namespace locum
