#pragma once

#include "core/object/object.hpp"
#include "core/ports/arena.hpp"
#include "core/ports/node_table.hpp"
#include "core/result.hpp"

namespace locum {

/// The record of an object whose block begins at `offset`.
[[nodiscard]] ObjectRecord record_of(const ObjectMeta& meta, std::uint64_t offset, std::uint64_t size_bytes);
/// Makes an object of a draft that lies in the arena: found by its key from now on, and not yet by a name.
/// With its checksum, if it is to have one. On an error the draft has been discarded.
[[nodiscard]] Result<Key> publish(NodeTable& table, Arena& arena, const ObjectDraft& draft);
/// Gives the memory of an unsealed draft back.
void discard(Arena& arena, const ObjectDraft& draft) noexcept;

}  // namespace locum
