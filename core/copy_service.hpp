#pragma once

#include <memory>

#include "copy_sets.hpp"
#include "exchange.hpp"
#include "flights.hpp"
#include "node_copies.hpp"
#include "node_memory.hpp"
#include "nodes.hpp"

namespace locum {

/// What a node and those who belong to it have of other nodes' objects: parts of one service.
struct Copies {
  std::shared_ptr<CopySets> sets;    ///< who has copies of this node's objects
  std::shared_ptr<NodeCopies> here;  ///< copies that this node has
  std::shared_ptr<Flights> flights;  ///< how it comes by them
};

/// Answers what is asked about copies (see NodeService).
class CopyService final {
 public:
  CopyService(NodeMemory local, Copies copies, std::shared_ptr<Exchange> exchange,
              std::shared_ptr<Nodes> nodes, std::uint64_t inline_bytes);

  /// The object's block, once the asker's node is entered among those that have a copy.
  void copy(const Question& question);
  /// Says that the copy is gone when nobody finds it any more.
  void invalidate(const Question& question);
  /// Says so when a flight of this rank has ended.
  void join(const Question& question);

 private:
  [[nodiscard]] int node_of(const Question& question) const;
  void refuse(const Question& question, const Error& error);
  void refuse_senseless(const Question& question);

  const NodeMemory local_;
  const Copies copies_;
  const std::shared_ptr<Exchange> exchange_;
  const std::shared_ptr<Nodes> nodes_;
  const std::uint64_t inline_bytes_;
};

}  // namespace locum
