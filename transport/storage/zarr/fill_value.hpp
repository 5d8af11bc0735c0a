#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "core/record.hpp"
#include "core/value/result.hpp"
#include "transport/storage/zarr/data_type.hpp"

namespace locum::storage {

/// Returns the element that a `fill_value` of version 2 or 3 says: as many bytes as the ElementType has, in
/// the order of this machine. Reals are rounded to the nearest one. `corrupt` if it is none of the type.
/// REQUIRES: a type with a name in Zarr; not null.
[[nodiscard]] Result<std::vector<std::byte>> zarr_fill_of(const Record& value, const ZarrType& type,
                                                          int version);
/// Inverts it. A NaN keeps its bits in version 3. `invalid_argument` if there are too few or too many bytes,
/// or for a number that 16 bits do not hold exactly.
[[nodiscard]] Result<Record> zarr_fill_record(std::span<const std::byte> fill, const ZarrType& type,
                                              int version);

}  // namespace locum::storage
