#pragma once

#include <cstdint>
#include <string>

#include "core/object/internal_stores.hpp"
#include "core/ports/directory.hpp"

namespace locum::tests {

/// Removes the record from a node's memory that it has given up another node. It stays there for ever, and
/// counts as an object.
inline void forget_fence(Directory& of, int node) {
  const auto number = static_cast<std::uint32_t>(node);
  const std::string name(reinterpret_cast<const char*>(&number), sizeof number);
  (void)of.unbind(fences_store, name, Key{});
}

}  // namespace locum::tests
