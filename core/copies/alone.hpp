#pragma once

#include <cstdint>

#include "core/async/node_client.hpp"
#include "core/deadline.hpp"
#include "core/key.hpp"
#include "core/object/object.hpp"
#include "core/result.hpp"

namespace locum {

/// Asks for an object of another node, to be had in memory of this process, but not if its block has more
/// than `most_bytes`. REQUIRES: there is a node that has such keys.
[[nodiscard]] Asked ask_alone(const NodeClient& client, const Key& key, std::uint64_t most_bytes,
                              Deadline::Clock::time_point until);
/// What ask_alone() was answered with; an empty view if the block has more. \param generation of its name, if
/// the owner may not know it; else 0
[[nodiscard]] Result<ObjectView> had_alone(const Key& key, std::uint64_t generation, std::uint64_t most_bytes,
                                           Result<NodeAnswer> answer);

}  // namespace locum
