#pragma once

#include <cstdint>
#include <string_view>

#include "core/key.hpp"

namespace locum {

/// The runtime's own store, whose names are those of the others.
inline constexpr std::uint32_t registry = 0;

/// Stores of a node's own, which no program opens and of which no other node is ever told: what is in them
/// stands under the bytes of the key, or of the node's number, that it is about.
inline constexpr std::uint32_t copies_store = 0xFFFFFFFFU;     ///< see NodeCopies
inline constexpr std::uint32_t copy_sets_store = 0xFFFFFFFEU;  ///< see CopyHolders
inline constexpr std::uint32_t fences_store = 0xFFFFFFFDU;     ///< see FencedNodes
inline constexpr std::uint32_t last_store = 0xFFFFFFFCU;       ///< the last one that a program may have

[[nodiscard]] constexpr bool is_internal(std::uint32_t store) noexcept {
  return store > last_store;
}

/// A key as a name in one of these stores.
[[nodiscard]] inline std::string_view internal_name(const Key& key) noexcept {
  return {reinterpret_cast<const char*>(&key), sizeof key};
}

}  // namespace locum
