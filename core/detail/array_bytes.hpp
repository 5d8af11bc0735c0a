#pragma once

#include <cstdint>

#include <locum/detail/array_type.hpp>
#include <locum/extents.hpp>
#include <locum/result.hpp>

namespace locum::detail {

/// Returns the bytes of an array of these extents. `invalid_argument` if there are no extents, unless the
/// type is that of one element alone; if there are more than `max_rank` together with those of one element,
/// or a negative one; or if the product overflows.
[[nodiscard]] Result<std::uint64_t> array_bytes(const Extents& extents, const ArrayType& type);

}  // namespace locum::detail
