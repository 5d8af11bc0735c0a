#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "shm/segment/segment.hpp"

namespace locum::shm {

/// The processes of a node that closed their runtime without waiting for all the others. They join no more
/// collective calls, though alive, so that the watch does not report them; a collective wait finds them here.
/// Keeps no memory mapped, and reports nobody once that is unmapped. Any thread.
class ClosedAlone {
 public:
  ClosedAlone(const std::shared_ptr<Segment>& segment, std::uint32_t own) : segment_(segment), own_(own) {}

  /// Records this for the own process. Called before it leaves the node.
  void tell() const noexcept;
  /// The node ranks of the others that did, ascending.
  [[nodiscard]] std::vector<std::uint32_t> ranks() const;

 private:
  const std::weak_ptr<Segment> segment_;
  const std::uint32_t own_;
};

}  // namespace locum::shm
