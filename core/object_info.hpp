#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <locum/deadline.hpp>
#include <locum/element_type.hpp>
#include <locum/extents.hpp>
#include <locum/key.hpp>

namespace locum {

/// Metadata of an object.
struct ObjectInfo {
  Key key;
  std::uint64_t size_bytes = 0;
  std::string type;  ///< canonical: `f64[]`, `map<char[],i32>`, `particle{48}` …
  Layout layout = Layout::bytes;
  std::uint32_t element_bytes = 1;
  Extents extents;               ///< rank 0 unless it is an array
  std::uint32_t owner = 0;       ///< rank that made the object
  std::uint64_t generation = 0;  ///< generation of the name; 0 if unnamed
  std::string name;              ///< empty if unnamed
  std::string codec;             ///< codec that wrote it; empty: locum's own encoding
  ElementType element;           ///< type of an array's elements, or of a flat value; else no type
  /// Expiry time, by the clock of the system on which the object was stored; none: never. For a little longer
  /// it may still be found (see StoreOptions::lifetime).
  std::optional<std::chrono::system_clock::time_point> expires_at;
};

}  // namespace locum
