#pragma once

#include <cstdint>

#include "core/c/locum.h"
#include "core/record.hpp"
#include "core/value/result.hpp"
#include "transport/storage/zarr/zarr.hpp"

namespace locum::c {

/// Returns extents as the C interface gives them; `about` names them in an error: "the shape".
[[nodiscard]] Result<Extents> zarr_extents_in(std::int32_t rank, const std::int64_t* numbers,
                                              const char* about);
/// Reads a stored Record, whose arrays are copied: an array of Zarr keeps its attributes, and the caller's
/// memory ends.
[[nodiscard]] Result<Record> kept_zarr_attributes(const locum_array& given);
/// Returns the layout, which refers to the caller's memory. Throws Error `unsupported`.
[[nodiscard]] Result<ZarrLayout> zarr_layout(const locum_zarr_layout& given);
/// Makes a handle of the array in `*array`, or returns the error.
[[nodiscard]] locum_status give_zarr(Result<ZarrArray>&& opened, locum_zarr* array);
/// Gives attributes as a stored Record.
[[nodiscard]] locum_status give_zarr_attributes(const Record& attributes, locum_view& view);

}  // namespace locum::c
