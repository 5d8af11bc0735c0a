#pragma once

#include "core/options.hpp"
#include "core/result.hpp"
#include "mpi/group.hpp"

namespace locum::mpi {

/// The options that all ranks agree on. Collective; throws the same Error on all ranks: what is wrong with
/// some rank's options, or `options_differ` with the lines in which ranks differ. The versions of the library
/// and of its wire format count as options, too.
[[nodiscard]] RuntimeOptions agreed_options(CommunicatorGroup& group, const Result<RuntimeOptions>& asked);

}  // namespace locum::mpi
