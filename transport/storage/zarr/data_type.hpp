#pragma once

#include <cstddef>
#include <string>

#include "core/element_type.hpp"
#include "core/record.hpp"
#include "core/value/result.hpp"

namespace locum::storage {

/// The type of elements, as metadata of Zarr name it.
struct ZarrType {
  ElementType element;
  bool is_half = false;        ///< `float16`; the element is f32
  bool is_big_endian = false;  ///< of version 2, where the type says so; false for elements of one byte

  [[nodiscard]] std::size_t stored_bytes() const noexcept { return is_half ? 2 : element.bytes(); }
  /// Returns whether the order of bytes makes a difference.
  [[nodiscard]] bool has_order() const noexcept { return stored_bytes() > 1; }
};

/// Returns the type that a `dtype` of version 2 (`<f8`), or a `data_type` of version 3 (`float64`), names.
/// `unsupported` names a type that arrays here do not have; `corrupt` if it is none.
[[nodiscard]] Result<ZarrType> zarr_type_of_v2(const Record& dtype);
[[nodiscard]] Result<ZarrType> zarr_type_of_v3(const Record& data_type);
/// Inverts these. `unsupported` for types that Zarr does not have, as flat classes; `invalid_argument`
/// without a type.
[[nodiscard]] Result<std::string> zarr_v2_name_of(const ZarrType& type);
[[nodiscard]] Result<std::string> zarr_v3_name_of(const ZarrType& type);

}  // namespace locum::storage
