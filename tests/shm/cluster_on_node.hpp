#pragma once

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

#include "core/node/cluster.hpp"
#include "shm/arena/arena.hpp"
#include "shm/names/name_table.hpp"
#include "shm/table/freed_memory.hpp"
#include "shm/table/object_table.hpp"
#include "tests/shm/player.hpp"

namespace locum::tests {

/// The connector of one process of a node over its shared memory, assembled from the parts of this folder.
[[nodiscard]] inline std::shared_ptr<Connector> connect(const std::shared_ptr<shm::Segment>& segment,
                                                        std::uint32_t own) {
  std::vector<std::uint32_t> ranks;
  for (std::uint32_t rank = 0; rank < segment->geometry().ranks; ++rank) {
    ranks.push_back(100 + rank);
  }
  const auto objects = shm::ObjectTable::make(segment, own, ranks);
  return open_cluster(
      {.arena = std::make_shared<shm::SharedArena>(segment, own, 256_KiB, 0),
       .table = objects,
       .directory = std::make_shared<shm::NameTable>(segment, objects, std::chrono::seconds(20)),
       .timeout = std::chrono::seconds(20),
       .lost_node_peers = {},
       .monitor = std::make_shared<shm::FreedMemory>(segment, objects)});
}

/// Several processes of one node, simulated by one connector each over one segment.
class ClusterOnNode : public ::testing::Test {
 protected:
  std::shared_ptr<shm::Segment> segment_ = make_segment(3, 64_MiB);
  std::array<std::shared_ptr<Connector>, 3> ranks_{connect(segment_, 0), connect(segment_, 1),
                                                   connect(segment_, 2)};
};

}  // namespace locum::tests
