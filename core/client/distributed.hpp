#pragma once

#include <memory>

#include "core/client/links.hpp"
#include "core/ports/connector.hpp"

namespace locum {

/// The connector over the memory of several nodes. Objects of this node are read and made as on one node;
/// others are requested, by key from the node whose memory holds them, by name from the name's home. `closed`
/// once the links are.
[[nodiscard]] std::shared_ptr<Connector> open_distributed(NodeMemory memory, std::shared_ptr<Links> links);

}  // namespace locum
