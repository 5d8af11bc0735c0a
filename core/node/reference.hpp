#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "core/base/hash.hpp"
#include "core/object/object_wire.hpp"
#include "core/ports/directory.hpp"

namespace locum {

/// Represents, at a name's home, an object of another node: an object of the home, under that name, whose
/// bytes are the other object's block, if it is small enough to be included in replies, followed by its
/// ObjectWire.
inline constexpr std::string_view reference_type_name = "locum::reference";
inline constexpr std::uint64_t reference_type_hash = text_hash(reference_type_name);

/// A parsed reference.
struct Reference {
  ObjectWire object;
  std::span<const std::byte> block;  ///< empty if the home has no copy
};

/// None if these are not the bytes of a reference.
[[nodiscard]] inline std::optional<Reference> read_reference(std::span<const std::byte> bytes) noexcept {
  if (bytes.size() < sizeof(ObjectWire)) {
    return std::nullopt;
  }
  const auto block = bytes.first(bytes.size() - sizeof(ObjectWire));
  const auto wire = read_words<ObjectWire>(bytes.last(sizeof(ObjectWire)));
  if (!plausible(*wire) || (!block.empty() && block.size() != wire->record.block_bytes())) {
    return std::nullopt;
  }
  return Reference{*wire, block};
}

/// Outcome of binding a name.
struct Bound {
  std::uint64_t generation = 0;
  std::optional<Key> replaced;  ///< the object of another node that was bound before; to be evicted there
  std::optional<Key>
      outdated;  ///< the object of this node that was bound before; its copies are to be invalidated
};

/// Binds according to `options` and reports exactly what was replaced. `attempt(options)` binds:
/// Result<std::uint64_t>, the generation. `referent(pin)`: the key behind a pinned reference, none if the
/// object is a plain one; releases the pin. `expired()`: the generation of what is bound, if that has
/// expired: a put replaces it; else none.
template <class Attempt, class Referent, class Expired>
[[nodiscard]] Result<Bound> bind_exactly(Directory& directory, std::uint32_t store, std::string_view name,
                                         const SealOptions& options, WaitBudget budget, Attempt attempt,
                                         Referent referent, Expired expired) {
  constexpr int most_rounds = 64;  // each won by another process
  std::optional<std::uint64_t> over;
  for (int round = 0;; ++round) {
    SealOptions exact = options;
    if (over) {
      exact.mode = SealMode::replace;
      exact.expected_generation = *over;
    }
    std::optional<Key> replaced;
    std::optional<Key> before;
    if (exact.mode == SealMode::replace) {
      const auto old = directory.find(store, name, budget);
      if (!old && old.error().code() != Errc::not_found) {
        return old.error();
      }
      if (old) {
        exact.expected_generation =
            exact.expected_generation == 0 ? old->generation : exact.expected_generation;
        before = old->key;
        replaced = referent(*old);
      } else if (exact.expected_generation == 0) {
        exact = {};
      }
    }
    const Result<std::uint64_t> generation = attempt(exact);
    if (generation) {
      return Bound{*generation, replaced, replaced ? std::nullopt : before};
    }
    const Errc code = generation.error().code();
    const bool has_changed = code == Errc::key_exists || code == Errc::stale || code == Errc::not_found;
    const bool retries = over || (options.mode == SealMode::replace && options.expected_generation == 0);
    over = !over && options.mode == SealMode::put && code == Errc::key_exists ? expired() : std::nullopt;
    if (round >= most_rounds || (!over && (!retries || !has_changed))) {
      return generation.error();
    }
  }
}

}  // namespace locum
