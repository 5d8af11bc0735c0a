#pragma once

#include "core/record.hpp"
#include "core/value/result.hpp"

namespace locum::storage {

/// What the options of `.npy` files ask for; `.npz` files take the same.
struct NpyOptions {
  bool half_as_f32 = false;   ///< `half = "f32"`
  bool times_as_i64 = false;  ///< `times = "i64"`
  bool columns = false;       ///< `columns = true`
};

/// Reads the options; `invalid_argument` names the one whose value is wrong, and what it takes.
[[nodiscard]] Result<NpyOptions> npy_options_of(const Record& options);

}  // namespace locum::storage
