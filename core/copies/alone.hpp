#pragma once

#include <cstdint>

#include "core/async/node_client.hpp"
#include "core/object/object.hpp"
#include "core/value/deadline.hpp"
#include "core/value/key.hpp"
#include "core/value/result.hpp"

namespace locum {

/// Requests an object of another node, to be received in private memory, unless its block has more than
/// `most_bytes`. REQUIRES: the node that made such keys exists.
[[nodiscard]] ReplyAwaiter ask_alone(const NodeClient& client, const Key& key, std::uint64_t most_bytes,
                                     Deadline::Clock::time_point until, Urgency urgency = Urgency::now);
/// The object from the reply to ask_alone(); an empty view if the block is larger. \param generation of its
/// name, if the owner may not know it; else 0
[[nodiscard]] Result<ObjectView> had_alone(const Key& key, std::uint64_t generation, std::uint64_t most_bytes,
                                           Result<NodeReply> reply);

}  // namespace locum
