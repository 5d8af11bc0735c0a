#pragma once

#include <cstdint>
#include <locum/locum.hpp>
#include <optional>
#include <string>
#include <vector>

#include "jobs/steps_viewer/slice.hpp"
#include "jobs/steps_viewer/values.hpp"

namespace steps_viewer {

/// A variable of a step, and how it is read.
enum class VariableKind {
  global_array,
  local_array,  ///< of each writer another one
  value,
  opaque,  ///< of a type that this program cannot show
};
VariableKind kind_of(const locum::Variable& variable);

/// The shape of a global array in numbers: that of the variable, and the extents of its elements.
std::vector<std::uint64_t> shape_of(const locum::Variable& variable);

/// A box of a global array, in memory of this process. Throws locum::Error as InputStep::read() returns it.
/// REQUIRES: the variable is a global array of this step, and the box is of shape_of() it.
Values read_box(const locum::InputStep& step, const locum::Variable& variable, const Box& box);

/// What one rank wrote: a local array, or a value without extents.
struct WriterBlock {
  int writer = 0;
  Values values;
};
/// The blocks of a local array or a value, by their writers, of which there are no more than `ranks`; of one
/// writer, if that is asked for. Throws locum::Error as InputStep::get() returns it. REQUIRES: it is one.
std::vector<WriterBlock> read_blocks(const locum::InputStep& step, const locum::Variable& variable, int ranks,
                                     std::optional<int> writer = {});

}  // namespace steps_viewer
