#include "core/ports/connector.hpp"

#include "core/node/cluster.hpp"
#include "core/node/local.hpp"
#include "core/value/options.hpp"
#include "tests/core/memory_connector_contract.hpp"
#include "tests/core/plain_node.hpp"

namespace locum::tests {

INSTANTIATE_TEST_SUITE_P(
    Local, ConnectorContract,
    ::testing::Values(ConnectorFactory{
        "local", [](std::uint64_t memory_bytes) { return open_local({.memory_bytes = memory_bytes}); }}),
    factory_name);
INSTANTIATE_TEST_SUITE_P(
    Local, MemoryConnectorContract,
    ::testing::Values(ConnectorFactory{
        "local", [](std::uint64_t memory_bytes) { return open_local({.memory_bytes = memory_bytes}); }}),
    factory_name);

// The protocols of the cluster, without shared memory. Of several processes, the one whose connector is
// tested is not the first.
ConnectorFactory plain_cluster(std::string name, std::uint32_t processes) {
  return {std::move(name), [processes](std::uint64_t memory_bytes) {
            const auto node =
                tests::plain_node(processes, memory_bytes == 0 ? processes * 64_MiB : memory_bytes);
            return open_cluster({.arena = node.back().arena,
                                 .table = node.back().table,
                                 .directory = node.back().directory,
                                 .timeout = std::chrono::seconds(20)});
          }};
}

INSTANTIATE_TEST_SUITE_P(PlainCluster, ConnectorContract,
                         ::testing::Values(plain_cluster("alone", 1), plain_cluster("three", 3)),
                         factory_name);
INSTANTIATE_TEST_SUITE_P(PlainCluster, MemoryConnectorContract,
                         ::testing::Values(plain_cluster("alone", 1), plain_cluster("three", 3)),
                         factory_name);

}  // namespace locum::tests
