#pragma once

#include "core/checkpoint_options.hpp"
#include "mpi/checkpoint/protocol.hpp"

namespace locum {

/// Before a checkpoint: reads what was restored lazily, and that nobody has used, as far as it is to be
/// written, or is in files that the checkpoint may remove. Collective over the group. Throws Error, the same
/// one on all ranks: those of the use of such an object; nothing is written then.
void read_before_checkpoint(const CheckpointJob& job, const CheckpointOptions& options);

}  // namespace locum
