#pragma once

#include <memory>

#include "transport/storage/formats/npy/half_number.hpp"
#include "transport/storage/formats/npy/npy_column.hpp"

namespace locum::storage {

/// Returns a column of floating-point numbers of 16 bits, which become an array of `f32`.
[[nodiscard]] Result<std::unique_ptr<NpyColumn>> make_half_column(const NpyType& type, const NpyShape& shape,
                                                                  const MakeArray& make);

}  // namespace locum::storage
