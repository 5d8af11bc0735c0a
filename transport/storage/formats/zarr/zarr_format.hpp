#pragma once

#include <memory>

#include "core/format.hpp"

namespace locum::storage {

/// Arrays of Zarr as values of Files: whole, and without what ZarrArray has beyond that.
[[nodiscard]] std::shared_ptr<const Format> zarr_format();

}  // namespace locum::storage
