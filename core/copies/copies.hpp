#pragma once

#include <memory>

#include "core/copies/copy_holders.hpp"
#include "core/copies/fenced_nodes.hpp"
#include "core/copies/flights.hpp"
#include "core/copies/node_copies.hpp"

namespace locum {

/// The parts of a node that deal with copies of objects.
struct Copies {
  std::shared_ptr<CopyHolders> holders;  ///< the nodes that have copies of this node's objects
  std::shared_ptr<FencedNodes> fenced;   ///< the nodes that must have none
  std::shared_ptr<NodeCopies> here;      ///< copies that this node has
  std::shared_ptr<Flights> flights;      ///< the transfers of copies
};

}  // namespace locum
