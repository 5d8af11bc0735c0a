#pragma once

#include <cstdint>
#include <variant>

#include <locum/hyperslab.hpp>
#include <locum/object/object.hpp>
#include <locum/part.hpp>
#include <locum/result.hpp>

namespace locum {

/// Nothing of an object but what it says of itself.
struct Facts {};

/// These elements of an array, packed, each of so many bytes.
struct Elements {
  Hyperslab slab;
  std::uint64_t element_bytes = 0;
};

/// How much of an object is wanted; std::monostate: all of it.
using Selection = std::variant<std::monostate, Facts, ByteRange, Elements>;

/// What is selected of an object that is there, whole or as a view of just that: see part_of() and
/// hyperslab_of(). Facts need no selecting.
[[nodiscard]] Result<ObjectView> selected(Result<ObjectView> found, const Selection& selection);

}  // namespace locum
