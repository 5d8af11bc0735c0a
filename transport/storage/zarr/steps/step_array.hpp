#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "core/element_type.hpp"
#include "core/object/object.hpp"
#include "core/steps/step_record.hpp"
#include "core/value/extents.hpp"
#include "core/value/result.hpp"
#include "transport/storage/zarr/zarr.hpp"
#include "transport/storage/zarr/zarr_place.hpp"

namespace locum::storage {

/// A block of a variable in the array of that, without the dimension of the steps. A block that is no part of
/// a global array is all of its array; a number is one of no dimensions.
struct StepBox {
  std::string name;  ///< of the variable
  ElementType element;
  Extents shape;
  Extents start;
  Extents count;

  /// Returns the box in the array of all steps.
  [[nodiscard]] Hyperslab slab(std::uint64_t step) const;
};

/// Returns the box of a block. `unsupported` names the variable and what Zarr does not hold of it.
[[nodiscard]] Result<StepBox> step_box(const detail::VariableRecord& variable,
                                       const detail::BlockRecord& block, const ObjectFacts& facts);
/// Checks that the array of a variable, where there is one, is that of the box; `invalid_argument` names the
/// variable. Makes nothing.
[[nodiscard]] Result<void> check_step_array(const ZarrPlace& group, const StepBox& box);
/// Writes the elements of a box of a step, and waits until they are on the disk; makes the array if there is
/// none, with chunks that the boxes of `writers` ranks do not cut, if these are equal. Ranks may do that at
/// the same time. Nobody is shown the step by that.
[[nodiscard]] Result<void> write_step_box(const ZarrPlace& group, std::uint64_t step, const StepBox& box,
                                          std::span<const std::byte> bytes, std::uint64_t writers);
/// Opens the array of a variable.
[[nodiscard]] Result<ZarrArray> open_step_array(const ZarrPlace& group, const std::string& name);

}  // namespace locum::storage
