#pragma once

#include <optional>
#include <string_view>

#include "core/value/options.hpp"
#include "mpi/communicator.hpp"

namespace locum {

/// How ranks learn that others do not come.
struct JoinedRanksOptions {
  std::string_view why;     ///< what the others may not have done, for the error at the end
  std::optional<int> rank;  ///< of this process in the runtime; none: that in the communicator
  Log log = Log::warnings;
  mpi::LostRanks lost = {};
};

/// A communicator of the library's own of these ranks. Collective over them, until this moment. A rank that
/// waits for others for long says so on stderr. Throws what Communicator::duplicate() throws, `timeout` with
/// the text of these options.
[[nodiscard]] mpi::Communicator joined_ranks(MPI_Comm ranks, mpi::Moment until,
                                             const JoinedRanksOptions& options);

}  // namespace locum
