#pragma once

#include "core/object/object.hpp"
#include "core/ports/arena.hpp"
#include "core/ports/node_table.hpp"
#include "core/result.hpp"

namespace locum {

/// The record of an object with its block at `offset`.
[[nodiscard]] ObjectRecord record_of(const ObjectMeta& meta, std::uint64_t offset, std::uint64_t size_bytes);
/// Publishes a draft in the arena as an object: from now on found by its key, not yet by a name. Computes its
/// checksum, if it is to have one. On an error the draft has been discarded.
[[nodiscard]] Result<Key> publish(NodeTable& table, Arena& arena, const ObjectDraft& draft);
/// Frees the memory of an unsealed draft.
void discard(NodeTable& table, Arena& arena, const ObjectDraft& draft) noexcept;

}  // namespace locum
