#pragma once

#include <memory>

#include "core/copies/copy_holders.hpp"
#include "core/copies/fenced_nodes.hpp"
#include "core/copies/flights.hpp"
#include "core/copies/node_copies.hpp"

namespace locum {

/// What a node, and those who belong to it, have to do with copies of objects.
struct Copies {
  std::shared_ptr<CopyHolders> holders;  ///< who has copies of this node's objects
  std::shared_ptr<FencedNodes> fenced;   ///< and who must have none
  std::shared_ptr<NodeCopies> here;      ///< copies that this node has
  std::shared_ptr<Flights> flights;      ///< how it comes by them
};

}  // namespace locum
