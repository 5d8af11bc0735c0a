#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "shm/segment/layout.hpp"

namespace locum::tests {

/// What must be so in the memory of a node at every moment, even in the middle of a step, because whoever
/// follows a dead process relies on it; looked at by a process that is about to die there, while the others
/// go on. What is wrong, in words, or nothing.
///
/// 1. A tombstone names a process of the node: who died with it in its hand is how its owner finds it.
/// 2. Where this thread holds a shard's lock and chains do not change, a record whose object is bound lies in
///    a chain: who goes over all records and who follows a chain see the same names.
///
/// \param ranks the runtime's rank of each process of the node: what records call creator
[[nodiscard]] std::string broken_invariant(const std::byte* base, const shm::Geometry& geometry,
                                           const std::vector<std::uint32_t>& ranks);

}  // namespace locum::tests
