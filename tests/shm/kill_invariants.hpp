#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "shm/segment/layout.hpp"

namespace locum::tests {

/// Conditions that hold in the memory of a node at every moment, even in the middle of a step, because the
/// adopter of a dead process relies on them; checked by a process that is about to die, while the others
/// continue. Returns what is wrong, or nothing.
///
/// 1. A tombstone names a process of the node: its owner needs that to find entries that died with a process
/// before it handed them back.
/// 2. While this thread holds a shard's lock and chains do not change, a record whose object is bound is in a
/// chain: a pass over all records and a walk of the chains find the same names.
///
/// \param ranks the runtime's rank of each process of the node: the creators in records
[[nodiscard]] std::string broken_invariant(const std::byte* base, const shm::Geometry& geometry,
                                           const std::vector<std::uint32_t>& ranks);

}  // namespace locum::tests
