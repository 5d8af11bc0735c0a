#pragma once

#include <cstdint>
#include <string_view>

#include "core/value/key.hpp"

namespace locum {

/// The runtime's own store; its names are those of the other stores.
inline constexpr std::uint32_t registry = 0;

/// Internal stores of a node, which no program opens and no other node sees: their names are the bytes of a
/// key, or of a node's number.
inline constexpr std::uint32_t copies_store = 0xFFFFFFFFU;     ///< see NodeCopies
inline constexpr std::uint32_t copy_sets_store = 0xFFFFFFFEU;  ///< see CopyHolders
inline constexpr std::uint32_t fences_store = 0xFFFFFFFDU;     ///< see FencedNodes
inline constexpr std::uint32_t last_store = 0xFFFFFFFCU;       ///< the highest number of a program's store

[[nodiscard]] constexpr bool is_internal(std::uint32_t store) noexcept {
  return store > last_store;
}

/// A key as a name in one of these stores.
[[nodiscard]] inline std::string_view internal_name(const Key& key) noexcept {
  return {reinterpret_cast<const char*>(&key), sizeof key};
}

}  // namespace locum
