#pragma once

#include <cstdint>
#include <memory>

#include "transport/storage/formats/npy/npy_column.hpp"

namespace locum::storage {

/// Returns a column of texts of fixed length, which become a text, or lists of texts, nested as the extents
/// say. Zeros at their ends are no part of them. Those of four bytes a character become UTF-8; those of one
/// byte stay as they are. `corrupt` if there are more
/// empty lists than the budget, which is made smaller by them.
[[nodiscard]] Result<std::unique_ptr<NpyColumn>> make_text_column(const NpyType& type, NpyShape shape,
                                                                  std::uint64_t& budget);

}  // namespace locum::storage
