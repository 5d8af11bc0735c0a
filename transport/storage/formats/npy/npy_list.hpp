#pragma once

#include <cstdint>
#include <vector>

#include "core/array.hpp"
#include "core/record.hpp"
#include "core/value/result.hpp"

namespace locum::storage {

/// Nested lists as one array of numbers, or as texts.
struct NpyList {
  Array array;                         ///< none: they are texts
  std::vector<const Record*> texts;    ///< where they are in the lists
  std::vector<std::uint64_t> extents;  ///< of either
};

/// Returns what nested lists are as an array: integers become `i64` or `u64`, with reals or complex numbers
/// among them these. `type_mismatch` if lists or values differ, or no such array holds all values exactly.
[[nodiscard]] Result<NpyList> npy_list_of(const Record& lists);

}  // namespace locum::storage
