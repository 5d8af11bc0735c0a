#pragma once

#include <memory>

#include "tests/core/transport_world.hpp"
#include "tests/loopback/network.hpp"

namespace locum::tests {

/// What runs as rank 0 of a world: a program like the others, or the test's own code.
enum class FirstRank { program, test };

/// A world of ranks on a simulated network with these options (without the number of ranks).
[[nodiscard]] std::unique_ptr<TransportWorld> loopback_world(const loopback::NetworkOptions& options,
                                                             FirstRank first = FirstRank::program);

}  // namespace locum::tests
