#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include <locum/detail/steps/box_pieces.hpp>
#include <locum/detail/steps/step_record.hpp>
#include <locum/extents.hpp>
#include <locum/hyperslab.hpp>
#include <locum/result.hpp>

namespace locum::detail {

/// A box of a global array.
struct ArrayBox {
  std::vector<BoxPiece> pieces;
  Extents extents;  ///< of the box
};

[[nodiscard]] Extents shape_of(const VariableRecord& variable) noexcept;
/// The place of a global array in StepRecord::variables. `not_found` if there is no such variable,
/// `invalid_argument` if it is no global array, or its writers disagree about it.
[[nodiscard]] Result<std::uint32_t> find_global_array(const StepRecord& step, std::string_view name);
/// Finds a box of a global array in a step; none: all of it. See pieces_of() and find_global_array().
[[nodiscard]] Result<ArrayBox> find_box(const StepRecord& step, std::string_view name, const Hyperslab& box);
/// The blocks of that name, ascending by writer. `not_found` if there are none.
[[nodiscard]] Result<std::vector<const BlockRecord*>> find_blocks(const StepRecord& step,
                                                                  std::string_view name);
/// The one that this writer wrote, or of all if it is -1; `invalid_argument` if there are several.
[[nodiscard]] Result<const BlockRecord*> find_block(const StepRecord& step, std::string_view name,
                                                    int writer);

}  // namespace locum::detail
