#pragma once

#include <memory>

#include "core/client/links.hpp"
#include "core/ports/connector.hpp"

namespace locum {

/// The connector over the memory of several nodes. Objects of this node are read and made as on one node;
/// what another node has is asked for, by key at the node whose memory holds it, by name at the name's home.
/// `closed` once the links are.
[[nodiscard]] std::shared_ptr<Connector> open_distributed(NodeMemory memory, std::shared_ptr<Links> links);

}  // namespace locum
