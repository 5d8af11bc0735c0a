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

/// How many bytes of the record of a step, or of a block, come with the reply to a reader on another node.
[[nodiscard]] std::uint32_t bytes_with_a_step(std::uint64_t inline_bytes) noexcept;

/// Adds copies of the small blocks that this node has to the record of a step, so that a reader on another
/// node needs no further request for them: as many as come with it. Leaves out what there is no memory for.
/// \param node of this process
void enclose_blocks(StepRecord& step, Connector& connector, int node, std::uint64_t inline_bytes);

/// The block as an object in private memory; none if the record does not have it, or what it says of it
/// contradicts itself, or there is no memory.
/// REQUIRES: the record is valid, and the block is one of it.
[[nodiscard]] std::optional<ObjectView> enclosed_block(const StepRecord& step, const BlockRecord& block);

}  // namespace locum::detail
