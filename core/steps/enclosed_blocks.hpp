#pragma once

#include <cstdint>
#include <optional>

#include "core/object/object.hpp"
#include "core/steps/step_record.hpp"
#include "core/value/result.hpp"

namespace locum {
class Connector;
}

namespace locum::detail {

/// Adds copies of the small blocks that this node has to the record of a step, so that a reader on another
/// node needs no further request for them. Leaves out what there is no memory for.
/// \param node of this process
/// \param inline_bytes the largest object that is sent along with its name
void enclose_blocks(StepRecord& step, Connector& connector, int node, std::uint64_t inline_bytes);

/// The block as an object in private memory; none if the record does not have it, or what it says of it
/// contradicts itself, or there is no memory.
/// REQUIRES: the record is valid, and the block is one of it.
[[nodiscard]] std::optional<ObjectView> enclosed_block(const StepRecord& step, const BlockRecord& block);

}  // namespace locum::detail
