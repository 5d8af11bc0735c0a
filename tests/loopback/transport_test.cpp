#include "tests/loopback/transport.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <vector>

#include "tests/core/remote_memory_contract.hpp"
#include "tests/core/transport_contract.hpp"
#include "tests/loopback/world.hpp"

namespace locum::tests {
namespace {

using loopback::NetworkOptions;
using namespace std::chrono_literals;

TransportWorldMaker maker(const std::string& name, const NetworkOptions& options,
                          FirstRank first = FirstRank::program) {
  return {name, [=] { return loopback_world(options, first); }};
}

INSTANTIATE_TEST_SUITE_P(
    Loopback, TransportContract,
    testing::Values(maker("As_it_is", {}), maker("Another_seed", {.seed = 77, .latency = {1us, 500us}}),
                    maker("Without_time", {.latency = {}, .bytes_per_us = 1'000'000'000}),
                    maker("Never_eager", {.seed = 3, .eager_bytes = 63}),
                    maker("Nearly_always_eager", {.seed = 4, .eager_bytes = 100'000}),
                    maker("Slow", {.seed = 5, .latency = {1ms, 20ms}, .bytes_per_us = 100}),
                    maker("Seen_by_the_test", {.seed = 6}, FirstRank::test)),
    [](const auto& param) { return param.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Loopback, RemoteMemoryContract,
    testing::Values(maker("As_it_is", {.one_sided = true}),
                    maker("Without_time", {.latency = {}, .bytes_per_us = 1'000'000'000, .one_sided = true}),
                    maker("Slow",
                          {.seed = 5, .latency = {1ms, 20ms}, .bytes_per_us = 100, .one_sided = true}),
                    maker("Seen_by_the_test", {.seed = 6, .one_sided = true}, FirstRank::test)),
    [](const auto& param) { return param.param.name; });

}  // namespace
}  // namespace locum::tests
