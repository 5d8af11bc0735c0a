#pragma once

#include "core/node/expired.hpp"
#include "core/node/reclaim.hpp"
#include "core/object/object.hpp"
#include "core/ports/arena.hpp"
#include "core/ports/connector.hpp"
#include "core/ports/directory.hpp"
#include "core/ports/node_table.hpp"
#include "core/value/result.hpp"

namespace locum {

/// The record of an object with its block at `offset`.
[[nodiscard]] ObjectRecord record_of(const ObjectMeta& meta, std::uint64_t offset, std::uint64_t size_bytes);
/// Publishes a draft in the arena as an object: from now on found by its key, not yet by a name. Its
/// lifetime begins, and its checksum is computed, if it is to have them. On an error the draft has been
/// discarded.
[[nodiscard]] Result<Key> publish(NodeTable& table, Arena& arena, const ObjectDraft& draft);
/// Publishes a draft whose name, if it has one, is at home here, and binds that name, like Sink::seal().
/// `take_over(key)`: Result<std::uint64_t>, the generation; binds the name of a put to the object with that
/// key in the place of one that has expired.
template <class TakeOver>
[[nodiscard]] Result<Sealed> seal_here(NodeTable& table, Arena& arena, Directory& directory,
                                       const ObjectDraft& draft, const SealOptions& options,
                                       WaitBudget budget, TakeOver take_over) {
  const bool named = !draft.meta.name.empty();  // the draft owns the name
  const auto key = publish(table, arena, draft);
  if (!key) {
    return key.error();
  }
  if (!named) {
    return Sealed{*key, 0};
  }
  auto generation = directory.bind(*key, options, budget);
  if (!generation) [[unlikely]] {
    if (options.mode == SealMode::put && generation.error().code() == Errc::key_exists &&
        expired_generation(directory, table, arena, draft.meta.store, draft.meta.name, budget)) {
      generation = take_over(*key);
    }
    if (!generation) {
      (void)table.tombstone(*key);
    }
  }
  (void)reclaim(table, arena, Effort::amortised);  // includes a replaced object
  return generation ? Result<Sealed>(Sealed{*key, *generation}) : generation.error();
}
/// Frees the memory of an unsealed draft.
void discard(NodeTable& table, Arena& arena, const ObjectDraft& draft) noexcept;

}  // namespace locum
