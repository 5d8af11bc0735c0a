#include "tests/core/plain_node.hpp"

#include "core/value/options.hpp"
#include "tests/core/arena_contract.hpp"
#include "tests/core/directory_contract.hpp"
#include "tests/core/node_table_contract.hpp"

namespace locum::tests {

const NodeMaker plain{"plain", [](std::uint32_t processes) { return plain_node(processes, 32_MiB); }};

INSTANTIATE_TEST_SUITE_P(Plain, NodeTableContract, testing::Values(plain),
                         [](const auto& maker) { return maker.param.name; });
INSTANTIATE_TEST_SUITE_P(Plain, DirectoryContract, testing::Values(plain),
                         [](const auto& maker) { return maker.param.name; });
INSTANTIATE_TEST_SUITE_P(Plain, ArenaContract,
                         testing::Values(ArenaMaker{"plain",
                                                    [](std::uint64_t memory_bytes) {
                                                      return plain_node(1, memory_bytes)[0].arena;
                                                    }}),
                         [](const auto& maker) { return maker.param.name; });

}  // namespace locum::tests
