#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "core/async/node_client.hpp"
#include "core/value/hyperslab.hpp"

namespace locum {

/// Requests some bytes of an object from its owner's node: `not_found`, `invalid_argument` for a range
/// outside the object, `unsupported` if only the whole object can be verified, `corrupt` if the reply cannot
/// be these bytes of the object, which `name` is bound to (empty: requested by key). `generation`: if known;
/// else 0. A name and a slab must live until the task has ended. `memory`: if the bytes fit, they are
/// received there, and the view shows that memory; nothing writes to it once the task has ended (see
/// LandingMemory). `urgency`: of the request.
[[nodiscard]] Task<Result<ObjectView>> fetch_part(const NodeClient& client, Key key, std::string_view name,
                                                  ByteRange range, std::uint64_t generation,
                                                  Deadline::Clock::time_point until,
                                                  std::span<std::byte> memory, Urgency urgency);
/// The same for a hyperslab, packed: repeats the request as long as only some of it was included. Also fails
/// with the errors of selected().
[[nodiscard]] Task<Result<ObjectView>> fetch_hyperslab(const NodeClient& client, Key key,
                                                       std::string_view name, const Hyperslab& slab,
                                                       std::uint64_t element_bytes, std::uint64_t generation,
                                                       Deadline::Clock::time_point until,
                                                       std::span<std::byte> memory, Urgency urgency);
/// Requests an object's metadata: a view of none of its bytes, with all its facts. `not_found`, `corrupt`.
[[nodiscard]] Task<Result<ObjectView>> fetch_facts(const NodeClient& client, Key key,
                                                   std::uint64_t generation,
                                                   Deadline::Clock::time_point until);

}  // namespace locum
