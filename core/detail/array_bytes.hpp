#pragma once

#include <cstddef>
#include <cstdint>

#include <locum/extents.hpp>
#include <locum/result.hpp>

namespace locum::detail {

/// Returns the bytes of an array of these extents. `invalid_argument` if there are no extents, more than
/// `max_rank` together with those of one element, or a negative one, or if the product overflows.
/// \param inner_rank number of dimensions of one element
[[nodiscard]] Result<std::uint64_t> array_bytes(const Extents& extents, std::size_t element_bytes,
                                                std::size_t inner_rank = 0);

}  // namespace locum::detail
