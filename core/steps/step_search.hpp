#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "core/steps/box_pieces.hpp"
#include "core/steps/step_record.hpp"
#include "core/value/extents.hpp"
#include "core/value/hyperslab.hpp"
#include "core/value/result.hpp"

namespace locum::detail {

/// A box of a global array.
struct ArrayBox {
  std::vector<BoxPiece> pieces;
  Extents extents;  ///< of the box
};

[[nodiscard]] Extents shape_of(const VariableRecord& variable) noexcept;
/// That blocks of one variable differ in its type (`type_mismatch`) or in its shape (`invalid_argument`).
/// \param who gave it the first one \param who_else the other one
[[nodiscard]] Error disagreement(const VariableRecord& one, std::string_view who, const VariableRecord& other,
                                 std::string_view who_else);
/// Whether the writers gave a variable one type and one shape: `type_mismatch` or `invalid_argument` if not,
/// which names a writer of each. REQUIRES: `first` and `last` are the places of all variables of one name.
[[nodiscard]] Result<void> check_agreement(const StepRecord& step, std::uint32_t first, std::uint32_t last);
/// The place of a global array in StepRecord::variables. `not_found` if there is no such variable,
/// `type_mismatch` if it is of another type, or its writers disagree about that; `invalid_argument` if it is
/// no global array, or they disagree about its shape. \param type of the objects of the variable; empty: any
[[nodiscard]] Result<std::uint32_t> find_global_array(const StepRecord& step, std::string_view name,
                                                      std::string_view type);
/// Finds a box of a global array in a step; none: all of it. See pieces_of() and find_global_array().
[[nodiscard]] Result<ArrayBox> find_box(const StepRecord& step, std::string_view name, std::string_view type,
                                        const Hyperslab& box);
/// The blocks of that name, ascending by writer, whatever their types and shapes. `not_found` if there are
/// none.
[[nodiscard]] Result<std::vector<const BlockRecord*>> blocks_named(const StepRecord& step,
                                                                   std::string_view name);
/// The same of a variable of one type and shape. `not_found` if there are none; otherwise as
/// find_global_array().
[[nodiscard]] Result<std::vector<const BlockRecord*>> find_blocks(const StepRecord& step,
                                                                  std::string_view name,
                                                                  std::string_view type);
/// The one that this writer wrote, or of all if it is -1; `invalid_argument` if there are several.
[[nodiscard]] Result<const BlockRecord*> find_block(const StepRecord& step, std::string_view name,
                                                    std::string_view type, int writer);

}  // namespace locum::detail
