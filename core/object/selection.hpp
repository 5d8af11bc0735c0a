#pragma once

#include <cstdint>
#include <variant>

#include <locum/detail/object/object.hpp>
#include <locum/hyperslab.hpp>
#include <locum/result.hpp>

namespace locum {

/// Only the metadata of an object.
struct Facts {};

/// These elements of an array, packed, each of `element_bytes`.
struct Elements {
  Hyperslab slab;
  std::uint64_t element_bytes = 0;
};

/// The requested part of an object; std::monostate: the whole object. A class of its own, so that public
/// headers declare it only.
struct Selection : std::variant<std::monostate, Facts, ByteRange, Elements> {
  using variant::variant;

  [[nodiscard]] bool is_whole() const noexcept { return std::holds_alternative<std::monostate>(*this); }
};

/// Returns the selected part of a found object, which is whole or already a view of that part. Of Elements:
/// packed row-major, a copy, or in place if they are contiguous; the metadata is the object's, except for the
/// extents. `invalid_argument` where packed_bytes() returns it and for a part outside the object,
/// `type_mismatch` for elements of another size. Facts select nothing.
[[nodiscard]] Result<ObjectView> selected(Result<ObjectView> found, const Selection& selection);

}  // namespace locum
