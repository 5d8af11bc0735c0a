#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "shm/segment/segment.hpp"

namespace locum::shm {

/// Which processes of a node closed their runtime without having met all the others. They come to no
/// collective call any more, though they live, so that the watch tells nobody of them; who waits for all
/// finds it here. Keeps no memory mapped, and knows of nobody once that is unmapped. Any thread.
class ClosedAlone {
 public:
  ClosedAlone(const std::shared_ptr<Segment>& segment, std::uint32_t own) : segment_(segment), own_(own) {}

  /// This process does so. To be called before it leaves the node.
  void tell() const noexcept;
  /// The node ranks of the others that do, ascending.
  [[nodiscard]] std::vector<std::uint32_t> ranks() const;

 private:
  const std::weak_ptr<Segment> segment_;
  const std::uint32_t own_;
};

}  // namespace locum::shm
