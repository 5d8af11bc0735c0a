#include <numeric>

#include "core/value/options.hpp"
#include "shm/arena/arena.hpp"
#include "shm/names/name_table.hpp"
#include "shm/table/object_table.hpp"
#include "tests/core/directory_contract.hpp"
#include "tests/core/node_table_contract.hpp"

namespace locum::tests {
namespace {

// Each process has its own tables and arena over one mapping.
const NodeMaker shared{
    "shared", [](std::uint32_t processes) {
      const auto segment = shm::Segment::create(shm::Geometry::fit(processes, 32_MiB, 4_GiB), 0x10C0);
      std::vector<std::uint32_t> ranks(processes);
      std::iota(ranks.begin(), ranks.end(), 10U);
      std::vector<NodeProcess> node;
      for (std::uint32_t own = 0; own < processes; ++own) {
        const auto objects = shm::ObjectTable::make(segment, own, ranks);
        node.push_back({std::make_shared<shm::SharedArena>(segment, own, 64_KiB, 0), objects,
                        std::make_shared<shm::NameTable>(segment, objects, std::chrono::seconds(20))});
      }
      return node;
    }};

INSTANTIATE_TEST_SUITE_P(Shared, NodeTableContract, testing::Values(shared),
                         [](const auto& maker) { return maker.param.name; });
INSTANTIATE_TEST_SUITE_P(Shared, DirectoryContract, testing::Values(shared),
                         [](const auto& maker) { return maker.param.name; });

}  // namespace
}  // namespace locum::tests
